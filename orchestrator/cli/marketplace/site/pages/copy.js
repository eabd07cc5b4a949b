
// A button beside everything that is worth copying, where the browser lets a page copy.
(() => {
  if (!navigator.clipboard) return;
  const status = document.querySelector("[role=status]");
  for (const block of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${block.dataset.copy}`);
    button.addEventListener("click", async () => {
      let said = "Copied";
      try {
        await navigator.clipboard.writeText(block.textContent);
      } catch {
        said = "Not copied";
      }
      button.textContent = status.textContent = said;
      setTimeout(() => {
        button.textContent = "Copy";
        status.textContent = "";
      }, 2000);
    });
    block.after(button);
  }
})();
