// @ts-check
// The token of the address that was opened, kept where no other page, no history and no picture of the
// screen shows it: in this tab's own storage, until the tab is closed.

const KEPT = "fedxr.token";

/** Takes the token out of the page's address, the first time; "" where there is none. */
export function takeToken() {
  const here = new URL(location.href);
  const given = here.searchParams.get("token");
  if (given !== null) {
    sessionStorage.setItem(KEPT, given);
    here.searchParams.delete("token");
    history.replaceState(history.state, "", here);
  }
  return sessionStorage.getItem(KEPT) ?? "";
}
