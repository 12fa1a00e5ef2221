import { parseRoute } from '$core/route';

class Router {
  hash = $state(location.hash);
  current = $derived(parseRoute(this.hash));

  constructor() {
    window.addEventListener('hashchange', () => (this.hash = location.hash));
  }

  go(hash: string, replace = false): void {
    if (replace) history.replaceState(null, '', hash);
    else if (location.hash !== hash) history.pushState(null, '', hash);
    this.hash = hash;
  }
}

export const router = new Router();
