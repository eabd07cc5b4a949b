
// Narrows the list to what is asked for, and keeps the question in the address.
(() => {
  const form = document.querySelector("form");
  const cards = [...document.querySelectorAll(".card")];
  const status = document.querySelector("[role=status]");
  const reset = document.getElementById("reset");
  const together = (text) => text.replace(/[-_./\s]/g, "");
  const found = (word, text) => text.includes(word) || (together(word) && together(text).includes(together(word)));

  function narrow() {
    const asked = new FormData(form);
    for (const [name, value] of [...asked]) if (!value) asked.delete(name);
    const words = (asked.get("query") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const { words: text, roles, system } = card.dataset;
      const fits =
        (!asked.has("direction") || roles.split(" ").includes(asked.get("direction"))) &&
        (!asked.has("system") || system === asked.get("system")) &&
        words.every((word) => found(word, text.toLowerCase()));
      card.hidden = !fits;
      shown += fits;
    }
    const all = `${cards.length} provider${cards.length === 1 ? "" : "s"}`;
    status.textContent = shown === cards.length ? all : `${shown} of ${all}`;
    reset.hidden = shown === cards.length;
    const address = new URLSearchParams(asked).toString();
    if (location.hash.slice(1) !== address) history.replaceState(null, "", address ? `#${address}` : location.pathname);
  }

  function restore() {
    const asked = new URLSearchParams(location.hash.slice(1));
    form.reset();
    for (const [name, value] of asked) if (form.elements[name]) form.elements[name].value = value;
    narrow();
  }

  form.addEventListener("input", narrow);
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => {
    form.reset();
    narrow();
    form.elements.query.focus();
  });
  addEventListener("hashchange", restore);
  form.hidden = false;
  restore();
})();
