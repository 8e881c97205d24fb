// What the theme leaves out for those who read with a keyboard or a screen reader: a name for the
// buttons beside code, and focus on what scrolls. Code blocks get their buttons late, so it watches.
const reach = () => {
  document.querySelectorAll("nav.md-code__nav").forEach((nav, i) => {
    const name = `Code ${i + 1}`; // each its own, and none is set twice: this is watched
    if (nav.getAttribute("aria-label") !== name) nav.setAttribute("aria-label", name);
  });
  for (const box of document.querySelectorAll("pre > code, .md-typeset__scrollwrap"))
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
};
new MutationObserver(reach).observe(document.body, { childList: true, subtree: true });
addEventListener("resize", reach);
reach();
