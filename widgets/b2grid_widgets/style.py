"""The look of a panel.

Colours are JupyterLab's own variables, so that a dark theme stays dark; what
follows the comma serves elsewhere.
"""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """<style>
.b2-panel {
  --b2-ink: var(--jp-content-font-color1, #1f2328); --b2-soft: var(--jp-content-font-color2, #57606a);
  --b2-line: var(--jp-border-color2, #d0d7de); --b2-quiet: var(--jp-layout-color2, #f3f5f7);
  --b2-paper: var(--jp-layout-color1, #ffffff);
  --b2-blue: var(--jp-brand-color1, #0b6bcb); --b2-green: var(--jp-success-color1, #1a7f37);
  --b2-red: var(--jp-error-color1, #c62828); --b2-amber: var(--jp-warn-color1, #9a6700);
  border: 1px solid var(--b2-line); border-radius: 8px; padding: 12px 16px 14px;
  background: var(--b2-paper); color: var(--b2-ink); box-sizing: border-box; overflow: hidden;
  max-width: 1120px;
}
.b2-panel .widget-html { overflow: visible; height: auto; }
.b2-panel .widget-html-content { line-height: 1.45; font-size: 13px; }
.b2-panel .lm-TabBar-tabLabel { font-size: 13px; font-family: inherit; }
.b2-panel .b2-good { color: var(--b2-green); }
.b2-panel .b2-bad { color: var(--b2-red); }

.b2-panel .b2-head { display: flex; align-items: baseline; gap: 12px; }
.b2-panel .b2-name { font-size: 18px; font-weight: 600; letter-spacing: .1px; }
.b2-panel .b2-phase {
  font-size: 12px; font-weight: 600; padding: 1px 9px; border-radius: 10px;
  background: var(--b2-quiet); color: var(--b2-soft);
}
.b2-panel .b2-phase.b2-good { background: #1a7f3722; color: var(--b2-green); }
.b2-panel .b2-phase.b2-bad { background: #c6282822; color: var(--b2-red); }
.b2-panel .b2-phase.b2-busy { background: #0b6bcb22; color: var(--b2-blue); }
.b2-panel .b2-share { margin-left: auto; color: var(--b2-soft); font-variant-numeric: tabular-nums; }

.b2-panel .b2-steps { gap: 8px; margin: 8px 0 2px; overflow: visible; }
.b2-panel .b2-step { overflow: visible; min-width: 0; }
.b2-panel .b2-steps button {
  width: 100%; margin: 0; border-radius: 6px; font-weight: 600; height: 32px; line-height: 32px;
}
.b2-panel .b2-steps button i { margin-right: 7px; }
.b2-panel .b2-steps button:not(.mod-primary):not(.mod-warning) {
  background: var(--b2-quiet); color: var(--b2-ink);
}
.b2-panel .b2-steps .widget-html-content {
  font-size: 12px; color: var(--b2-soft); padding: 0 2px; min-height: 17px;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}

.b2-panel .b2-message {
  border-left: 3px solid var(--b2-line); border-radius: 0 5px 5px 0; padding: 5px 11px; margin: 4px 0;
  background: var(--b2-quiet); color: var(--b2-ink); overflow-wrap: anywhere;
}
.b2-panel .b2-message.b2-bad { border-left-color: var(--b2-red); }
.b2-panel .b2-message.b2-good { border-left-color: var(--b2-green); }
.b2-panel .b2-message.b2-busy { border-left-color: var(--b2-blue); }
.b2-panel .b2-hint { color: var(--b2-soft); }
.b2-panel .b2-empty { color: var(--b2-soft); padding: 8px 2px; }
.b2-panel h4 { font-size: 13px; font-weight: 600; margin: 10px 0 4px; }

.b2-panel .jupyter-widget-tab-contents, .b2-panel .widget-tab-contents {
  padding: 12px 14px; border-color: var(--b2-line); border-radius: 0 6px 6px 6px; overflow-x: auto;
}
.b2-panel table { border-collapse: collapse; border: none; font-size: 12.5px; margin: 4px 0 8px; }
.b2-panel table caption { padding: 2px 0 6px; color: var(--b2-ink); font-size: 13px; }
.b2-panel th, .b2-panel td {
  padding: 3px 14px 3px 6px; border: none; border-bottom: 1px solid var(--b2-line);
  vertical-align: top; line-height: 1.45; font-variant-numeric: tabular-nums;
}
.b2-panel thead th { color: var(--b2-soft); font-weight: 600; border-bottom-width: 2px; white-space: nowrap; }
.b2-panel tbody th { font-weight: 600; white-space: nowrap; }
.b2-panel .b2-summary td { overflow-wrap: anywhere; }
.b2-panel tbody tr { background: none; }
.b2-panel tbody tr:hover { background: var(--b2-quiet); }
.b2-panel pre { font-family: var(--jp-code-font-family, monospace); font-size: 12px; line-height: 1.4; }
/* reversed, so that a new log is seen from its end */
.b2-panel .b2-log {
  display: flex; flex-direction: column-reverse; max-height: 420px; overflow: auto; padding: 6px 12px;
  margin: 4px 0; border-radius: 5px; background: var(--b2-quiet);
}
.b2-panel .b2-log pre {
  flex: none; overflow: visible; margin: 0; background: none; white-space: pre-wrap; overflow-wrap: anywhere;
}
/* the core's colours are chosen for paper: in a dark theme the theme's own are read more easily */
[data-jp-theme-light="false"] .b2-panel [style*="color:#b00020"] { color: var(--b2-red) !important; }
[data-jp-theme-light="false"] .b2-panel [style*="color:#9a6700"] { color: var(--b2-amber) !important; }
[data-jp-theme-light="false"] .b2-panel [style*="color:#0550ae"] { color: var(--b2-blue) !important; }
[data-jp-theme-light="false"] .b2-panel [style*="color:#1a7f37"] { color: var(--b2-green) !important; }
[data-jp-theme-light="false"] .b2-panel [style*="color:#57606a"] { color: var(--b2-soft) !important; }
.b2-panel .b2-beside { flex-wrap: wrap; gap: 6px 24px; align-items: flex-start; }
.b2-panel .b2-beside > .widget-vbox { flex: 0 1 auto; max-width: 100%; overflow-x: auto; }
.b2-panel .b2-log-box { flex: 1 1 380px; min-width: 0; }
.b2-panel .b2-requests { flex-wrap: wrap; gap: 6px; align-items: center; margin: 6px 0 2px; overflow: visible; }
.b2-panel .b2-requests button { height: 28px; line-height: 28px; border-radius: 6px; margin: 0; padding: 0 12px; }
.b2-panel .b2-requests button i { margin-right: 6px; }
.b2-panel .b2-requests .widget-dropdown { margin: 0; }
.b2-panel .b2-asking {
  align-items: center; gap: 8px; padding: 4px 11px; margin: 4px 0; border-left: 3px solid var(--b2-red);
  border-radius: 0 5px 5px 0; background: var(--b2-quiet);
}
.b2-panel .b2-asking button { border-radius: 6px; margin: 0; }
.b2-panel .b2-asking .b2-no { background: var(--b2-paper); border: 1px solid var(--b2-line); }
.b2-panel .b2-pager { align-items: center; gap: 4px; }
</style>"""
