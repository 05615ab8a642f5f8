// The geometry of what is drawn: points are [x, y] from 0 to 1 of the picture. Nothing here touches the document.

export const CORNERS = { zone: 3, line: 2, motion_mask: 3, object_mask: 3 };
export const MOST = 64;

export const isLine = (kind) => kind === "line";
export const clamp = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;

/** What stands in the middle when somebody draws without a pointer. */
export function middle(kind) {
  return isLine(kind) ? [[0.3, 0.5], [0.7, 0.5]] : [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]];
}

const side = ([ax, ay], [bx, by], [px, py]) => Math.sign((bx - ax) * (py - ay) - (by - ay) * (px - ax));
const within = ([ax, ay], [bx, by], [px, py]) => Math.min(ax, bx) <= px && px <= Math.max(ax, bx) && Math.min(ay, by) <= py && py <= Math.max(ay, by);

/** Whether the stretches ab and cd touch. */
export function touch(a, b, c, d) {
  const [one, two, three, four] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (one !== two && three !== four) return true;
  return (one === 0 && within(a, b, c)) || (two === 0 && within(a, b, d)) || (three === 0 && within(c, d, a)) || (four === 0 && within(c, d, b));
}

/** Whether two sides of a polygon cross that are not neighbours. */
export function crosses(points) {
  const count = points.length;
  const edge = (i) => [points[i], points[(i + 1) % count]];
  for (let i = 0; i < count; i++) {
    for (let j = i + 2; j < count; j++) {
      if ((j + 1) % count !== i && touch(...edge(i), ...edge(j))) return true;
    }
  }
  return false;
}

/** Twice the area that the corners enclose. */
function area(points) {
  return points.reduce((sum, [x, y], i) => sum + x * points[(i + 1) % points.length][1] - points[(i + 1) % points.length][0] * y, 0);
}

/** What is wrong with a shape by itself, "" if nothing is. */
export function flaw({ kind, points }) {
  if (isLine(kind)) return String(points[0]) === String(points[1]) ? "Both ends are in one place." : "";
  if (crosses(points)) return "Its sides cross: move a corner.";
  return Math.abs(area(points)) < 1e-4 ? "It encloses nothing." : "";
}

/** A name that is still free: zone_1, line_2. */
export function freeName(kind, taken) {
  for (let number = 1; ; number++) if (!taken.includes(`${kind}_${number}`)) return `${kind}_${number}`;
}

/** Two arrow heads across a line in the units of the drawing, [forward, back]: forward is from its left to its right,
 *  as seen when walking from its first point to its last. */
export function arrows([[ax, ay], [bx, by]], size) {
  const [dx, dy] = [bx - ax, by - ay];
  const long = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / long, dy / long];
  const [nx, ny] = [-uy, ux]; // y grows downwards, so this is the right hand
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  return [1, -1].map((way) => {
    const at = (out, along) => `${mx + way * nx * out * size + ux * along * size} ${my + way * ny * out * size + uy * along * size}`;
    return `M${at(0, 0)}L${at(2.4, 0)}M${at(1.5, -0.8)}L${at(2.4, 0)}L${at(1.5, 0.8)}`;
  });
}
