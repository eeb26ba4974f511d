// The token stands behind the address's #, which browsers send to no server: so it is in no log and no Referer.
const form = document.getElementById("link");
const outcome = document.getElementById("outcome");
const token = location.hash.slice(1);

async function send() {
  const body = { token, ...Object.fromEntries(new FormData(form)) };
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(form.dataset.action, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) {
    const problem = await answer.json();
    return (problem.errors ?? []).map((error) => error.detail).join(" ") || problem.detail;
  }
  form.remove();
  history.replaceState(null, "", location.pathname);
  return form.dataset.done;
}

if (!token) {
  form.remove();
  outcome.textContent = "This link is cut off: its end is missing. Copy all of it.";
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  outcome.textContent = await send().catch(() => "The server can't be reached. Try again.");
  button.disabled = false;
});
