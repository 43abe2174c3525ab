// Parts of a page that htmx loads: marks them busy, says so when one cannot be loaded, and goes
// to the sign-in page when the session has ended.
(function () {
  function element(target) {
    return typeof target === "string" ? document.querySelector(target) : target;
  }

  function say(part, text) {
    const note = document.createElement("p");
    note.className = "part-failed";
    note.setAttribute("role", "alert");
    const retry = document.createElement("a");
    retry.href = location.href;
    retry.textContent = "Try again";
    note.append(text + " ", retry);
    part.querySelector(":scope > .part-failed")?.remove();
    part.prepend(note);
  }

  document.addEventListener("htmx:before:request", ({ detail }) => {
    element(detail.ctx.target)?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:before:response", (event) => {
    const answer = event.detail.ctx.response.raw;
    if (!answer.redirected || !new URL(answer.url).pathname.startsWith("/login/")) return;
    event.preventDefault();
    location.reload();
  });
  document.addEventListener("htmx:finally:request", ({ detail }) => {
    element(detail.ctx.target)?.removeAttribute("aria-busy");
  });
  document.addEventListener("htmx:response:error", ({ detail }) => {
    const part = element(detail.ctx.target);
    if (!part || detail.ctx.response.status === 422) return;
    say(part, "This part could not be loaded. The rest of the page is current.");
  });
})();
