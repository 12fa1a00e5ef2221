// The page keeps what a growing text leaves as it was: nodes, and with them a selection, a box's scroll, an opened
// <details>, a drawn formula.

/** HTML as nodes; `inside`: the tags around it that its kind needs ("table tbody"). It must come from the sanitiser. */
export function nodesOf(html: string, inside = ''): ParentNode & Node {
  const tags = inside.split(' ').filter(Boolean);
  const template = document.createElement('template');
  template.innerHTML = tags.map((tag) => `<${tag}>`).join('') + html;
  return tags.reduce<ParentNode & Node>((node, tag) => node.querySelector(tag)!, template.content);
}

/** What a person or a drawing changes in the page and the text's HTML knows nothing of. */
const KEPT = new Set(['open', 'aria-pressed', 'data-drawn', 'style', 'title', 'tabindex']);

function attributes(node: Element, next: Element): void {
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name) && !KEPT.has(name)) node.removeAttribute(name);
  for (const { name, value } of next.attributes) {
    const wanted = name === 'class' && node.classList.contains('md-wrap') ? `${value} md-wrap` : value;
    if (node.getAttribute(name) !== wanted) node.setAttribute(name, wanted);
  }
}

function text(node: Text, next: string): void {
  if (node.data === next) return;
  if (next.startsWith(node.data)) node.appendData(next.slice(node.data.length));
  else node.data = next;
}

/** Whether `node` can become `next` by changes within. */
function alike(node: Node, next: Node): boolean {
  if (node.nodeType !== next.nodeType || node.nodeName !== next.nodeName) return false;
  if (!(node instanceof HTMLElement)) return true;
  return node.dataset.source === (next as HTMLElement).dataset.source;
}

/** Makes the children of `node`, from `at` on, those of `next`. */
export function morph(node: Node, next: Node, at: ChildNode | null = node.firstChild): void {
  let child = at;
  for (let want = next.firstChild; want; ) {
    const following = want.nextSibling;
    if (!child) {
      node.appendChild(want);
    } else {
      const after: ChildNode | null = child.nextSibling;
      if (!alike(child, want)) node.replaceChild(want, child);
      else if (child instanceof Text) text(child, (want as Text).data);
      else if (child instanceof HTMLElement) element(child, want as unknown as HTMLElement);
      child = after;
    }
    want = following;
  }
  while (child) {
    const after: ChildNode | null = child.nextSibling;
    child.remove();
    child = after;
  }
}

function element(node: HTMLElement, next: HTMLElement): void {
  attributes(node, next);
  // What is drawn over its source, and a button that says "Copied".
  if (node.dataset.source !== undefined || node.dataset.code) return;
  morph(node, next);
}
