#!/bin/bash
# OUT/report.html: one file that loads nothing, the same bytes each time, names harmless; rendered by a
# headless Chromium at the widths of a phone and of a desk, where /usr/bin/chromium is installed.
# timeout: 300
set -uo pipefail
[ -x "$LPC" ] || { echo "report: needs lpc: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
model=$LPC_SOURCE/models/digits/digits.onnx
fail() { echo "report: $*" >&2; exit 1; }

"$LPC" "$model" --targets pc,pi,android --no-link --quiet -o a || fail "cannot compile"
"$LPC" "$model" --targets pc,pi,android --no-link --quiet -o b || fail "cannot compile again"
cmp a/report.html b/report.html || fail "two runs differ"
cmp a/layers.json b/layers.json || fail "two runs differ in layers.json"
"$LPC" "$model" --no-link --quiet -o single || fail "cannot compile for one device"
for page in a/report.html single/report.html; do
    grep -q 'name="viewport"' $page || fail "$page: no viewport"
    if grep -niE 'https?:|src=|href=|<script|@import|url\(|<link' $page; then fail "$page loads something"; fi
    for part in Memory Layers Timeline Cuts Alternatives; do
        grep -q "<h2>$part</h2>" $page || fail "$page: no section $part"
    done
done
for name in pc pi android; do
    grep -q "<h3>$name</h3>" a/report.html || fail "no memory of $name"
done
grep -q 'this package: highest throughput' a/report.html || fail "the package is not the best plan"
grep -q 'without android' a/report.html || fail "no plan with fewer devices"
grep -q 'predicted_compute_s' a/manifest.json || fail "no predictions in the manifest"

# Names that would be tags.
perl -0pe 's/depthwise/<b>"\x27&xyz/g' "$model" >evil.onnx
"$LPC" evil.onnx --targets pc,pi --no-link --quiet -o evil || fail "the odd name is refused"
if grep -qF '<b>"' evil/report.html; then fail "a name is not escaped"; fi
grep -qF '&lt;b&gt;&quot;&#39;&amp;xyz' evil/report.html || fail "the odd name is nowhere"

browser=/usr/bin/chromium
if [ ! -x $browser ]; then
    echo "report: $browser is not installed: the page is checked, but not rendered"
    exit 77
fi
chrome() { # ARGUMENT...
    timeout 120 $browser --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
        --allow-file-access-from-files --user-data-dir="$(mktemp -d -p "$work")" "$@" 2>>chrome.log
}
for width in 360 1280; do
    # Chromium's window has a least width: a frame has any. The title becomes what the page needs.
    cat >frame$width.html <<EOF
<!DOCTYPE html><title>-</title><body style="margin:0">
<iframe id="f" src="a/report.html" width="$width" height="3000" style="border:0"></iframe>
<script>onload = () => {
  const page = document.getElementById("f").contentDocument;
  page.querySelectorAll("details").forEach(d => d.open = true);
  document.title = "needs " + page.documentElement.scrollWidth + " text " +
    page.body.innerText.includes("Alternatives");
}</script>
EOF
    title=$(chrome --virtual-time-budget=3000 --dump-dom "file://$work/frame$width.html" |
            grep -oE '<title>[^<]*' | head -n 1)
    [[ $title =~ needs\ ([0-9]+)\ text\ true ]] || fail "not rendered: $title $(tail -n 3 chrome.log)"
    [ "${BASH_REMATCH[1]}" -le "$width" ] || fail "at $width pixels the page needs ${BASH_REMATCH[1]}"
    chrome --window-size=$((width < 500 ? 500 : width)),3000 --screenshot="$work/$width.png" \
        "file://$work/frame$width.html" >/dev/null
    [ "$(stat -c %s "$width.png" 2>/dev/null || echo 0)" -gt 20000 ] || fail "no screenshot at $width"
    if [ -n "${REPORT_SHOTS:-}" ]; then cp "$width.png" "$REPORT_SHOTS/report-$width.png"; fi
done
