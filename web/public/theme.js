// Runs before the first paint: puts the saved theme on <html>, so that nothing flashes. The rest of the page changes
// themes through window.atelierTheme.
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

  apply(saved());
  dark.addEventListener('change', function () {
    if (saved() === 'system') apply('system');
  });
  window.atelierTheme = { saved: saved, apply: apply };
})();
