"""What the actions of the window are: one row each. The behaviour is bound by the part that owns it
(:mod:`explorer.ui.actions.actions`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionRow:
    """One action. ``menu`` empty: in the palette only. ``shortcut`` in Qt's portable text, ``Ctrl`` is ⌘ on macOS."""

    key: str
    text: str
    menu: str = ""
    shortcut: str = ""
    icon: str = ""
    tool_tip: str = ""
    checkable: bool = False
    needs_model: bool = False
    separator: bool = False  # a line above it in the menu
    short: str = ""  # what a button says, where that is shorter


MENUS = ("File", "Edit", "View", "Compare", "Timeline", "Measures", "Help")

# fmt: off
ACTIONS: tuple[ActionRow, ...] = (
    # File
    ActionRow("open_model", "Open model…", "File", shortcut="Ctrl+O", icon="open", short="Open…",
        tool_tip="Open a generator from a file"),
    ActionRow("open_folder", "Open model folder…", "File", icon="open",
        tool_tip="Open a generator that is a folder (safetensors, diffusers)"),
    ActionRow("models_folder", "Models folder…", "File",
        tool_tip="Choose a folder whose models are all listed in the browser"),
    ActionRow("stop_opening", "Stop opening", "File", short="Cancel",
        tool_tip="Give up the model that is being loaded; everything stays as it is"),
    ActionRow("open_picture", "Open picture…", "File", shortcut="Ctrl+I", needs_model=True,
        tool_tip="Find the point of the model whose picture comes nearest to one of your own"),
    ActionRow("paste_picture", "Paste picture", "File", shortcut="Ctrl+V", needs_model=True,
        tool_tip="Find the point of the model for the picture on the clipboard"),
    ActionRow("new_scene", "New scene", "File", shortcut="Ctrl+N", needs_model=True, separator=True,
        tool_tip="Start again on this model: one pane, every slider at zero"),
    ActionRow("open_scene", "Open scene…", "File", shortcut="Ctrl+Shift+O",
        tool_tip="Open a saved scene, or the scene inside an exported picture or video"),
    ActionRow("save_scene", "Save scene", "File", shortcut="Ctrl+S", needs_model=True,
        tool_tip="Save everything the window shows to its file"),
    ActionRow("save_scene_as", "Save scene as…", "File", shortcut="Ctrl+Shift+S", needs_model=True,
        tool_tip="Save everything the window shows to a new file"),
    ActionRow("open_controls", "Open control set…", "File", needs_model=True,
        tool_tip="Use a saved control set, or what another program found, in the selected pane"),
    ActionRow("save_controls", "Save control set…", "File", needs_model=True,
        tool_tip="Write the selected pane's controls, under the names that you gave them, to a file"),
    ActionRow("save_starred", "Save starred controls…", "File", needs_model=True,
        tool_tip="Write the starred controls of all methods to a set of your own"),
    ActionRow("export", "Export…", "File", shortcut="Ctrl+E", icon="export", needs_model=True, separator=True,
        tool_tip="Write a picture, a video or a contact sheet that anyone can reproduce"),
    ActionRow("show_export", "Show in folder", "File", tool_tip="Show the file that was exported last in its folder"),
    ActionRow("copy_picture", "Copy picture", "File", shortcut="Ctrl+C", needs_model=True,
        tool_tip="Copy the selected picture at the model's own size"),
    ActionRow("quit", "Quit", "File", shortcut="Ctrl+Q", separator=True,
        tool_tip="Close the window; the session comes back next time"),
    # Edit
    ActionRow("undo", "Undo", "Edit", shortcut="Ctrl+Z", icon="undo",
        tool_tip="Undo the last change; a slider drag is one step"),
    ActionRow("redo", "Redo", "Edit", shortcut="Ctrl+Shift+Z", icon="redo", tool_tip="Redo what was undone"),
    ActionRow("randomise", "New random seed", "Edit", shortcut="R", icon="dice", needs_model=True, separator=True,
        tool_tip="Draw another seed"),
    ActionRow("next_seed", "Next seed", "Edit", shortcut="]", needs_model=True, tool_tip="Seed + 1"),
    ActionRow("previous_seed", "Previous seed", "Edit", shortcut="[", needs_model=True, tool_tip="Seed − 1"),
    ActionRow("reset_all", "Reset all sliders", "Edit", shortcut="Ctrl+0", icon="reset", needs_model=True,
        short="Reset all", tool_tip="Every slider of every pane back to zero"),
    ActionRow("add_bookmark", "Add bookmark", "Edit", shortcut="Ctrl+D", icon="bookmark", needs_model=True,
        separator=True, short="+ Add", tool_tip="Keep this state to come back to"),
    # View
    ActionRow("compare", "Add pane", "View", shortcut="Ctrl+T", icon="add_pane", needs_model=True,
        tool_tip="Add a pane beside this one: same seed, another method"),
    ActionRow("duplicate_pane", "Duplicate pane", "View", shortcut="Ctrl+Shift+T", needs_model=True,
        tool_tip="Add a copy of the selected pane"),
    ActionRow("pane_model", "Model of this pane…", "View", needs_model=True,
        tool_tip="Choose the selected pane's model by itself; the others keep theirs"),
    ActionRow("remove_pane", "Close pane", "View", shortcut="Ctrl+W", needs_model=True,
        tool_tip="Close the selected pane"),
    ActionRow("next_pane", "Next pane", "View", shortcut="Ctrl+Tab", needs_model=True, tool_tip="Select the next pane"),
    ActionRow("pane_left", "Move pane left", "View", shortcut="Ctrl+Shift+Left", needs_model=True,
        tool_tip="Exchange the pane with its left neighbour"),
    ActionRow("pane_right", "Move pane right", "View", shortcut="Ctrl+Shift+Right", needs_model=True,
        tool_tip="Exchange the pane with its right neighbour"),
    ActionRow("rename_pane", "Rename pane…", "View", needs_model=True,
        tool_tip="Give the selected pane a name of your own"),
    ActionRow("zoom_pane", "Show one pane", "View", shortcut="Z", checkable=True, needs_model=True,
        tool_tip="Fill the canvas with the selected pane, or show all again"),
    ActionRow("image", "Picture", "View", checkable=True, needs_model=True, separator=True,
        tool_tip="Show the picture as the sliders make it; under do() the counterfactual"),
    ActionRow("unmoved", "Unmoved picture", "View", shortcut="U", checkable=True, needs_model=True,
        tool_tip="Show the picture as it is before any slider moves it: the factual one"),
    ActionRow("original", "Own picture", "View", shortcut="O", checkable=True, needs_model=True,
        tool_tip="Show the picture of your own that the point was found for"),
    ActionRow("before_after", "Before / after", "View", shortcut="B", icon="before_after", checkable=True,
        needs_model=True, tool_tip="Split the picture: unmoved (factual) at the left, moved (counterfactual) at the "
        "right"),
    ActionRow("difference", "Difference", "View", shortcut="D", icon="difference", checkable=True, needs_model=True,
        tool_tip="Show where the moved picture differs from the unmoved one"),
    ActionRow("between", "Difference of panes", "View", checkable=True, needs_model=True,
        tool_tip="Show where this pane's picture differs from that of the first pane of its row: two models, say"),
    ActionRow("truth", "Truth", "View", shortcut="W", checkable=True, needs_model=True,
        tool_tip="Show what the model's world draws of the values that would have been, where the world knows them"),
    ActionRow("total_effect", "Total effect", "View", checkable=True, needs_model=True,
        tool_tip="Show what do() changes of the picture, signed: blue darker, red brighter"),
    ActionRow("direct_effect", "Direct effect", "View", checkable=True, needs_model=True,
        tool_tip="Show, signed, what the set variable changes of the picture while its effects keep their values"),
    ActionRow("indirect_effect", "Indirect effect", "View", checkable=True, needs_model=True,
        tool_tip="Show, signed, what the effects of the set variable change of the picture while it stays itself"),
    ActionRow("difference_all", "Difference in every pane", "View", shortcut="Shift+D", checkable=True,
        needs_model=True, tool_tip="Show in every pane where the moved picture differs from the unmoved one"),
    ActionRow("linked", "Link sliders across panes", "View", shortcut="L", icon="link", checkable=True,
        needs_model=True, short="Linked", tool_tip="One slider moves the same control in every pane"),
    ActionRow("snap", "Snap sliders to ticks", "View", checkable=True,
        tool_tip="Sliders with ticks (learned values) stop at these only"),
    ActionRow("pixels", "Show pixels", "View", shortcut="P", icon="pixels", checkable=True,
        tool_tip="Magnify without smoothing, so that single pixels can be seen"),
    ActionRow("off_data", "Off the data?", "View", shortcut="Shift+U", checkable=True, needs_model=True,
        tool_tip="Say of the picture at rest how unusual it is among those that a diffusion model draws by itself; the "
        "first time 200 of these are drawn"),
    ActionRow("own_picture", "Show own picture", "View",
        tool_tip="The picture of your own, and the best that the model has for it"),
    ActionRow("landscape", "Show landscape", "View", separator=True,
        tool_tip="The path of a slider on a plane, the potential or the field that it follows, and how fast it goes"),
    ActionRow("export_landscape", "Export landscape…", "View", short="Export…",
        tool_tip="Write the landscape as a PNG, SVG or PDF figure"),
    ActionRow("theme_system", "Colours of the system", "View", checkable=True, separator=True,
        tool_tip="Follow the light or dark setting of the desktop"),
    ActionRow("theme_light", "Light", "View", checkable=True, tool_tip="Light colours"),
    ActionRow("theme_dark", "Dark", "View", checkable=True, tool_tip="Dark colours"),
    ActionRow("full_screen", "Full screen", "View", shortcut="F11", checkable=True, tool_tip="Use the whole screen"),
    ActionRow("reset_layout", "Reset layout", "View", tool_tip="Put every panel back where it was"),
    # Compare
    ActionRow("side_by_side", "Compare methods…", "Compare", shortcut="Ctrl+Shift+M", icon="compare", needs_model=True,
        short="Compare…",
        tool_tip="Put methods side by side, one slider moving all of them by an equal visible "
        "effect, and measure them"),
    ActionRow("compare_models", "Compare with a model…", "Compare", needs_model=True,
        tool_tip="Put another model beside the selected pane, from the same seed: a checkpoint of the same run, say"),
    ActionRow("comparison", "Show comparison", "Compare", tool_tip="The table of methods, with chance and ceiling"),
    ActionRow("method_settings", "Settings of the method…", "Compare", shortcut="Ctrl+,", needs_model=True,
        short="Settings…",
        tool_tip="How the selected pane's method looks for its directions, and in which units they are shown"),
    ActionRow("draw_region", "Draw region…", "Compare", needs_model=True,
        tool_tip="Drag a rectangle over the selected picture and find directions that change it there"),
    ActionRow("use_compared", "Use chosen method in pane", "Compare", separator=True, short="Use in pane",
        tool_tip="Put the directions of the table's chosen row into the selected pane"),
    ActionRow("export_comparison", "Export comparison…", "Compare", short="Export…",
        tool_tip="Write the table as a web page, CSV, LaTeX, PDF or JSON"),
    ActionRow("label_samples", "Label samples…", "Compare", shortcut="Ctrl+L", needs_model=True, separator=True,
        tool_tip="Say of one sample after another whether it shows an attribute, and make a direction of the answers"),
    ActionRow("use_labels", "Use labels for directions", "Compare", short="Use for directions",
        tool_tip="Put the direction towards what is labelled into the selected pane, as a slider (InterFaceGAN)"),
    ActionRow("open_labels", "Open labels…", "Compare", needs_model=True, short="Open…",
        tool_tip="Go on with saved labels (.json)"),
    ActionRow("save_labels", "Save labels…", "Compare", short="Save…", tool_tip="Write the labels to a file"),
    ActionRow("copy_labels", "Copy path of labels", "Compare", short="Copy path",
        tool_tip="Copy where the labels are kept; methods and the table of comparisons take it as their attributes"),
    ActionRow("rename_labels", "Rename labelled attribute…", "Compare", tool_tip="Call what is labelled otherwise"),
    ActionRow("forget_labels", "Throw labels away…", "Compare", tool_tip="Remove the labels of this attribute"),
    # Timeline
    ActionRow("traverse", "Traverse", "Timeline", shortcut="T", icon="play", needs_model=True,
        tool_tip="Move the selected control there and back"),
    ActionRow("play", "Play / pause", "Timeline", shortcut="Space", icon="play", needs_model=True,
        tool_tip="Play the timeline"),
    ActionRow("add_key", "Add keyframe", "Timeline", shortcut="K", icon="key", needs_model=True,
        tool_tip="Keep the sliders' amounts at this time"),
    ActionRow("add_origin_key", "Add seed keyframe", "Timeline", shortcut="Shift+K", needs_model=True,
        tool_tip="Keep this seed or latent at this time"),
    ActionRow("clear_timeline", "Clear timeline", "Timeline", needs_model=True, tool_tip="Remove every keyframe"),
    # Measures
    ActionRow("measures", "Show measures", "Measures", shortcut="M",
        tool_tip="How well the latents of this model separate factors"),
    ActionRow("measure", "Measure", "Measures", shortcut="Shift+M",
        tool_tip="Take every measure of the selected pane's model"),
    ActionRow("rotate_pair", "Rotate pair…", "Measures", separator=True,
        tool_tip="Turn two latents against each other and measure again: factors may lie along their diagonals"),
    ActionRow("use_rotation", "Use rotated pair as sliders", "Measures", short="Use as sliders",
        tool_tip="Put the latent axes with this pair turned into the selected pane"),
    ActionRow("export_measures", "Export measures…", "Measures", separator=True, short="Export…",
        tool_tip="Write the table as CSV, LaTeX, PDF or JSON"),
    # Help
    ActionRow("palette", "Command palette", "Help", shortcut="Ctrl+K", icon="search",
        tool_tip="Find any action by name"),
    ActionRow("shortcuts", "Keyboard shortcuts", "Help", shortcut="F1", tool_tip="Every shortcut, on one page"),
    ActionRow("restart_engine", "Restart engine", "Help",
        tool_tip="End the engine process and start another, for a model that hangs; the scene stays"),
    ActionRow("copy_report", "Copy report", "Help", tool_tip="Copy versions and the last log lines, for a bug report"),
)
# fmt: on
