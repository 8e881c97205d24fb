// The clusters in words, with what their links carried in the latest round.

import { amount, count, keepChildren, make, setText } from "./format.js";

const HUES = 6;

export const hue = (cluster) => (cluster === null ? "nohue" : `hue${cluster % HUES}`);

export function carried(cluster, links) {
  const here = new Set(cluster.members);
  const mine = links.filter(({ ends }) => here.has(ends[0]) && here.has(ends[1]));
  return mine.reduce((sum, link) => [sum[0] + link.bytes, sum[1] + link.joules], [0, 0]);
}

function build(cluster) {
  const summary = make("summary", {}, make("b"), make("span"));
  return make("li", { class: hue(cluster.id) }, make("details", {}, summary, make("p")));
}

function update(item, cluster, links) {
  const [summary, members] = item.firstElementChild.children;
  const [bytes, joules] = carried(cluster, links);
  const chosen = cluster.representative === null ? "no representative" : `represented by ${cluster.representative}`;
  setText(summary.children[0], `Cluster ${cluster.id}`);
  setText(summary.children[1],
    `${count(cluster.members.length, "headset")}, Γ = ${cluster.gamma}, ${amount(bytes, "B")}, ${amount(joules, "J")}; ${chosen}`);
  setText(members, cluster.members.join(", "));
}

export function showClusters(list, { clusters, links }) {
  keepChildren(list, clusters, (cluster) => cluster.id, build, (item, cluster) => update(item, cluster, links));
}
