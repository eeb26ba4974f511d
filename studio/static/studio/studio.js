// What pages can't do without a script: copying, times in the reader's zone, and no second submit by a double click.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const withSeconds = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const moment = new Date(time.dateTime);
    time.dataset.local = "";
    if ("relative" in time.dataset) time.title = `${withSeconds.format(moment)} (${time.title})`;
    else time.textContent = exact.format(moment);
  }
}

// The token of a link stands behind the address's #, which browsers send to no server: so it is in no log on the way.
function takeToken(root) {
  const field = root.querySelector("[data-token]");
  if (!field || !location.hash) return;
  field.value = location.hash.slice(1);
  field.closest(".field").hidden = !field.matches("[aria-invalid]"); // what is wrong with it has to be seen
}

async function copy(button) {
  const target = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(target.textContent);
  const label = button.textContent;
  button.textContent = "Copied";
  document.getElementById("said").textContent = "Copied to the clipboard.";
  setTimeout(() => { button.textContent = label; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button).catch(() => { document.getElementById("said").textContent = "It could not be copied. Select it and copy it by hand."; });
});
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || "again" in event.target.dataset) return;
  for (const button of event.target.querySelectorAll("button:not([type=button])")) setTimeout(() => { button.disabled = true; });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});
document.addEventListener("htmx:afterSwap", (event) => localise(event.target));
for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
// Folded where it is narrow, and unfolded when it no longer is: a wide page has nothing to open it with.
const menu = document.querySelector(".menu"), narrow = matchMedia("(max-width: 60rem)");
function fold() { if (menu) menu.open = !narrow.matches; }
narrow.addEventListener("change", fold);
fold();
localise(document);
takeToken(document);
