// The words scripts show. English is the key, as everywhere; pages in Chinese look them up here.
const chinese: Record<string, string> = {
  "Yes, go on": "确定",
  "You were signed out. Nothing was sent and nothing is lost: sign in on the page that opens, then come back here and send again.":
    "登录已失效。没有提交，已填内容都还在：请在新打开的页面登录，然后回到这里再次提交。",
  "Sign in": "去登录",
  Cancel: "取消",
  Close: "关闭",
  "Nothing was sent: no connection to the server. What you entered is still here.": "与服务器断开，没有送出。已填内容还在本页。",
  "The server could not do this ({status}).": "服务器没有完成这项操作（{status}）。",
  "The connection is back.": "已恢复连接。",
  "No connection to the server.": "与服务器断开。",
  "{n} ticked": "已选 {n} 条",
  Copied: "已复制",
  "You were signed out. Sign in again to go on.": "登录已失效，请重新登录。",
  "The map needs WebGL, which this browser does not offer. Lists and figures work without it.":
    "地图需要 WebGL，本浏览器不支持。列表和数字不受影响。",
  "Draw a parcel": "画地块",
  "Import coordinates": "导入坐标",
  Identify: "查询",
  "Measure distance": "量距离",
  "Measure area": "量面积",
  Compare: "对比",
  "Search results": "查找结果",
  "Map tools": "地图工具",
  View: "视图",
  "Zoom in": "放大",
  "Zoom out": "缩小",
  "Back to the whole area": "回到全图",
  Layers: "图层",
  Legend: "图例",
  Opacity: "不透明度",
  Version: "版本",
  "of {date}": "{date}",
  "shown from 1:{scale}": "1:{scale} 以下显示",
  "Layer settings": "图层设置",
  "{n} shown": "已开 {n}",
  "Find a layer": "查找图层",
  Reset: "重置",
  "As of": "时点",
  Time: "时间",
  Play: "播放",
  Pause: "暂停",
  "Earlier state": "上一时点",
  "Later state": "下一时点",
  Difference: "差异",
  "Not in your scope, or not on that day: {names}": "不在您的管辖范围内或该时点没有：{names}",
  ", ": "、",
  "Click the corners; double-click or Enter ends, Escape gives up.": "依次点界址点，双击或回车结束，Esc 放弃。",
  "Click along the line; double-click or Enter ends, Escape gives up.": "沿线依次点，双击或回车结束，Esc 放弃。",
  "Click on the map to see what is there.": "点击地图，查看该处的图斑和记录。",
  "Drag a corner to change the parcel; Delete removes it.": "拖动界址点可修改，Delete 键删除。",
  Length: "长度",
  Area: "面积",
  "ellipsoidal, CGCS2000": "椭球面，CGCS2000",
  ha: "公顷",
  mu: "亩",
  m: "米",
  km: "公里",
  "m²": "m²",
  E: "东经",
  W: "西经",
  N: "北纬",
  S: "南纬",
  "Areas are ellipsoidal": "面积一律按椭球面计算",
  "Left: {a}": "左：{a}",
  "Right:": "右：",
  "Divider between two versions": "两个版本的分界",
  "Nothing found for “{q}”.": "没有找到“{q}”。",
  "Loading …": "正在载入……",
  "Map of {name}": "{name}地图",
  Map: "地图",
  "Go to": "定位",
  "No other version of a visible layer is there to compare with.": "可见图层没有别的版本可以对比。",
  total: "合计",
  "so far": "截至目前",
  rows: "宗",
  "Tiles of {layer} did not load.": "{layer}未能载入。",
};

const isChinese = document.documentElement.lang.toLowerCase().startsWith("zh");

/** A word in the page's language; `{name}` places are filled from `values`. */
export function t(msgid: string, values: Record<string, string | number> = {}): string {
  const text = isChinese ? (chinese[msgid] ?? msgid) : msgid;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** "36 525.50": groups of three split by a no-break space. */
export function number(value: number, digits = 0): string {
  const [whole = "0", part] = Math.abs(value).toFixed(digits).split(".");
  const sign = value < 0 && Number(value.toFixed(digits)) !== 0 ? "−" : "";
  return sign + whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u00a0") + (part ? `.${part}` : "");
}
