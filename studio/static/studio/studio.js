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

// The token of a link is in the URL's fragment. Browsers don't send it, so no server or proxy logs it.
function takeToken(root) {
  const field = root.querySelector("[data-token]");
  if (!field || !location.hash) return;
  field.value = location.hash.slice(1);
  field.closest(".field").hidden = !field.matches("[aria-invalid]"); // shown if it has an error
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
  if (button) copy(button).catch(() => { document.getElementById("said").textContent = "Copying failed. Select the text and copy it manually."; });
});
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || "again" in event.target.dataset) return;
  for (const button of event.target.querySelectorAll("button:not([type=button])")) setTimeout(() => { button.disabled = true; });
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
});

// Uploads a file and shows the progress. The response replaces the form, except the chosen file: so the file that is
// imported is the file that was checked.
function upload(form, submitter) {
  const bar = form.querySelector("progress"), says = form.querySelector("#upload-says"), sending = new XMLHttpRequest();
  const shown = (text) => { says.textContent = text; };
  const ended = () => { form.querySelector("#upload").hidden = true; for (const button of form.querySelectorAll("button")) button.disabled = false; };
  sending.upload.onprogress = (event) => { bar.value = event.loaded / event.total; shown(`Uploading, ${Math.floor(100 * event.loaded / event.total)} %`); };
  sending.upload.onload = () => { bar.removeAttribute("value"); shown(submitter.name === "dry_run" ? "Checking" : "Importing"); };
  sending.onload = () => { ended(); showAnswer(form, sending.responseText); };
  sending.onerror = () => { ended(); document.getElementById("said").textContent = says.textContent; form.querySelector("#upload").hidden = false; bar.hidden = true; shown("The upload was interrupted. Nothing was imported. Try again."); };
  bar.hidden = false;
  bar.value = 0;
  shown("Uploading");
  form.querySelector("#upload").hidden = false;
  sending.open("POST", form.action);
  sending.send(new FormData(form, submitter));
}

function showAnswer(form, html) {
  const page = new DOMParser().parseFromString(html, "text/html"), answer = page.querySelector("#import-answer");
  if (!answer) { document.querySelector("main").replaceWith(page.querySelector("main")); return; }
  for (const part of answer.querySelectorAll("[data-without-script]")) part.remove();
  const fresh = answer.querySelector("#file"), chosen = form.querySelector("#file");
  for (const name of ["aria-invalid", "aria-describedby"]) {
    if (fresh.hasAttribute(name)) chosen.setAttribute(name, fresh.getAttribute(name));
    else chosen.removeAttribute(name);
  }
  fresh.replaceWith(chosen);
  form.querySelector("#import-answer").replaceWith(document.adoptNode(answer));
}

function isTooLarge(field) {
  const file = field.files[0];
  field.setCustomValidity(file && file.size > Number(field.dataset.most) ? "This file is too large to import here." : "");
}

document.addEventListener("change", (event) => { if (event.target.dataset.most) isTooLarge(event.target); });
document.addEventListener("submit", (event) => {
  if (!("upload" in event.target.dataset)) return;
  event.preventDefault();
  upload(event.target, event.submitter);
});
document.addEventListener("htmx:afterSwap", (event) => localise(event.target));
for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
// The menu is folded on narrow pages only: a wide page has no button to open it.
const menu = document.querySelector(".menu"), narrow = matchMedia("(max-width: 60rem)");
function fold() { if (menu) menu.open = !narrow.matches; }
narrow.addEventListener("change", fold);
fold();
localise(document);
takeToken(document);
