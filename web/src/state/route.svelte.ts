import { parseRoute, pathOfFragment } from '$core/route';

/** Where the page is served from, with a slash at both ends: "/" or, below a path of a proxy, "/atelier/". */
export const root = new URL('.', document.baseURI).pathname;

/** The address in the page of one that the browser shows; null for what is not of this page. */
function inside(url: URL): string | null {
  if (url.origin !== location.origin || !url.pathname.startsWith(root)) return null;
  return url.pathname.slice(root.length - 1) + url.hash;
}

class Router {
  /** "/c/ID", "/manual/models#pull" */
  address = $state('/');
  current = $derived(parseRoute(this.address));
  /** Set by whoever wants to be asked before the page goes elsewhere; false keeps it. */
  leaving: ((address: string) => boolean) | null = null;

  constructor() {
    this.read();
    window.addEventListener('popstate', () => this.read());
    document.addEventListener('click', (event) => this.click(event));
  }

  /** What the browser's address says now. */
  private read(): void {
    const old = pathOfFragment(location.hash);
    if (old !== null) history.replaceState(null, '', root + old.slice(1));
    const address = inside(new URL(location.href)) ?? '/';
    if (address === this.address) return;
    // The browser has gone there already: back to where one stays.
    if (this.leaving?.(address) === false) return history.pushState(null, '', root + this.address.slice(1));
    this.leaving = null;
    this.address = address;
  }

  /** `address` as in `this.address`. */
  go(address: string, replace = false): void {
    if (address === this.address && !replace) return;
    if (this.leaving?.(address) === false) return;
    this.leaving = null;
    const url = root + address.slice(1);
    if (replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    this.address = address;
  }

  /** A link to a place of the page goes there without loading it anew. */
  private click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a[href]');
    if (!(link instanceof HTMLAnchorElement) || link.target === '_blank' || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    const address = inside(url);
    if (address === null || /^\/(api|v1|ollama|stream|health|metrics)(\/|$)/.test(address)) return;
    event.preventDefault();
    this.go(pathOfFragment(url.hash) ?? address);
  }
}

export const router = new Router();

/** The address of a place, for `href`: right below a path of a proxy, too. */
export const href = (address: string) => root + address.slice(1);
