// Runs before the first paint: puts the saved theme on <html>, so that nothing flashes, and says which frame stands in until
// the program runs. The rest of the page changes themes through window.atelierTheme.
(function () {
  var colours = { graphite: '#16181c', quartz: '#ffffff', terminal: '#050a06', solarized: '#002b36' };
  var dark = window.matchMedia('(prefers-color-scheme: dark)');

  function saved() {
    try {
      var name = localStorage.getItem('atelier.theme');
      return name && colours[name] ? name : 'system';
    } catch (e) {
      return 'system';
    }
  }

  function apply(name) {
    var theme = name === 'system' ? (dark.matches ? 'graphite' : 'quartz') : name;
    var root = document.documentElement;
    root.dataset.theme = theme;
    root.classList.toggle('dark', theme !== 'quartz');
    var meta = document.querySelector('meta[name="theme-color"]');
    if (meta) meta.setAttribute('content', colours[theme]);
  }

  /** Whoever was signed in most probably is: the frame of the chat is shown, and its scripts are loaded at once. */
  function frame() {
    var root = document.documentElement;
    var path = location.pathname.slice(new URL('.', document.baseURI).pathname.length);
    try {
      if (!localStorage.getItem('atelier.in')) return;
      root.dataset.frame = path === '' ? 'new' : /^c\//.test(path) ? 'thread' : 'page';
      if (localStorage.getItem('atelier.sidebar') === 'closed') root.dataset.list = 'closed';
    } catch (e) {
      return;
    }
    var meta = document.querySelector('meta[name="atelier-shell"]');
    var files = meta ? meta.content.split(' ') : [];
    files.forEach(function (file) {
      var link = document.createElement('link');
      link.rel = 'modulepreload';
      link.href = file;
      document.head.append(link);
    });
  }

  apply(saved());
  frame();
  dark.addEventListener('change', function () {
    if (saved() === 'system') apply('system');
  });
  window.atelierTheme = { saved: saved, apply: apply };
})();
