// Takes the parts of the page that change from a newer copy of it, and leaves the form alone.
"use strict";
async function update() {
  if (document.hidden || String(getSelection())) return;
  try {
    const signal = AbortSignal.timeout(4000);
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store", signal });
    if (!answer.ok) throw new Error(answer.status);
    const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = newer.getElementById(part.id);
      if (other && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
    }
    document.title = newer.title;
    document.documentElement.classList.remove("lost");
  } catch {
    document.documentElement.classList.add("lost");
  }
}
setInterval(update, 5000);
