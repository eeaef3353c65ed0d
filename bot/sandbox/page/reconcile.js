/**
 * Bring a container's children in line with a list, touching only what differs.
 *
 * A card that is edited ten times a minute must not lose its focus, its open details or the reader's place; so unchanged
 * children stay the very same nodes.
 */

/**
 * Patch `container` to show `items`.
 *
 * @param {Element} container - holds only children made here
 * @param {Array} items - wanted items, in order
 * @param {{key: Function, signature: Function, render: Function, update?: Function}} how - key and signature map an item
 *   to strings; render(item) makes a node; update(node, item) may patch a node whose signature differs and return true
 * @returns {{added: string[], changed: string[]}} keys of what is new or was redrawn
 */
export function reconcile(container, items, how) {
  const existing = new Map();
  for (const child of container.children) existing.set(child.dataset.key, child);
  const added = [];
  const changed = [];
  let cursor = container.firstElementChild;
  for (const item of items) {
    const key = how.key(item);
    const signature = how.signature(item);
    let node = existing.get(key);
    existing.delete(key);
    if (!node) {
      node = stamp(how.render(item), key, signature);
      added.push(key);
    } else if (node.signature !== signature) {
      changed.push(key);
      if (how.update?.(node, item)) node.signature = signature;
      else {
        const fresh = stamp(how.render(item), key, signature);
        const focus = focusPath(node);
        if (cursor === node) cursor = fresh;
        node.replaceWith(fresh);
        restoreFocus(fresh, focus);
        node = fresh;
      }
    }
    if (node === cursor) cursor = cursor.nextElementSibling;
    else container.insertBefore(node, cursor);
  }
  for (const node of existing.values()) node.remove();
  return { added, changed };
}

function stamp(node, key, signature) {
  node.dataset.key = key;
  node.signature = signature;
  return node;
}

/** Remember which control inside the node has the focus, by its `data-focus` name. */
export function focusPath(node) {
  const active = document.activeElement;
  if (!active || !node.contains(active)) return null;
  return { name: active.dataset.focus ?? null, start: active.selectionStart, end: active.selectionEnd };
}

/** Give the focus back to the control of that name, or to the node itself. */
export function restoreFocus(node, path) {
  if (!path) return;
  const control = path.name ? node.querySelector(`[data-focus="${CSS.escape(path.name)}"]`) : null;
  const target = control ?? node;
  if (!control && !node.hasAttribute("tabindex")) node.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
  if (control && typeof path.start === "number" && "setSelectionRange" in control) {
    try {
      control.setSelectionRange(path.start, path.end);
    } catch {
      // Number and e-mail fields have no selection.
    }
  }
}
