//! Colour is for terminals, and for whoever asks for it; nothing in a log reaches a terminal as a control sequence.

use std::process::Command;

use super::Desk;
use super::SIGNATURE;
use super::relapse;

const ESCAPE: char = '\u{1b}';

/// Every command that prints in colour, on `desk`.
const COLOURED: &[&[&str]] = &[
    &["scan", "--catalog", "catalog.yaml", "broken.log"],
    &["check", "warned.yaml"],
    &["explain", "--catalog", "catalog.yaml", "it broke again"],
    &["scan", "--catalog", "invalid.yaml", "broken.log"],
    &["run", "--config", "bad.yaml"],
    &["scan", "--nonsense"],
    &["--help"],
];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("warned.yaml", SIGNATURE.replace("T16:00:00Z", ""));
    desk.write("invalid.yaml", SIGNATURE.replace("title", "titel"));
    desk.write("bad.yaml", "log: x\n");
    desk
}

#[test]
fn pipes_get_no_colour_unless_asked_for() {
    let desk = desk();
    for arguments in COLOURED {
        let plain = desk.relapse(arguments);
        assert!(!(plain.out + &plain.err).contains(ESCAPE), "{arguments:?}");
        let asked = desk.relapse(&[&["--color", "always"], *arguments].concat());
        assert!((asked.out + &asked.err).contains(ESCAPE), "{arguments:?}: --color always is not obeyed");
    }
}

/// Runs a command with a terminal as its standard streams.
fn on_a_terminal(desk: &Desk, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let line = format!("{} {}", env!("CARGO_BIN_EXE_relapse"), quoted.join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(desk.path()).env("TERM", "xterm").env_remove("NO_COLOR");
    script.env_remove("RELAPSE_COLOR").envs(variables.iter().copied());
    String::from_utf8_lossy(&script.output().expect("`script` of util-linux").stdout).into_owned()
}

#[test]
fn terminals_get_colour_unless_asked_not_to() {
    let desk = desk();
    for arguments in COLOURED {
        let coloured =
            |text: &str| text.contains("\u{1b}[1m") || text.contains("\u{1b}[2m") || text.contains("\u{1b}[3");
        assert!(coloured(&on_a_terminal(&desk, arguments, &[])), "{arguments:?}");
        let never = [&["--color", "never"], *arguments].concat();
        for said in [
            on_a_terminal(&desk, arguments, &[("NO_COLOR", "1")]),
            on_a_terminal(&desk, arguments, &[("RELAPSE_COLOR", "never")]),
            on_a_terminal(&desk, &never, &[]),
        ] {
            assert!(!coloured(&said), "{arguments:?}: {said:?}");
        }
    }
}

#[test]
fn the_progress_bar_is_for_terminals_and_for_people() {
    let desk = desk();
    let bar = |said: &str| said.contains("/s  ");
    assert!(bar(&on_a_terminal(&desk, COLOURED[0], &[])));
    assert!(!bar(&on_a_terminal(&desk, &[COLOURED[0], &["--format", "jsonl"]].concat(), &[])));
    assert!(!bar(&desk.relapse(COLOURED[0]).err));
}

#[test]
fn a_log_cannot_steer_the_terminal() {
    let desk = desk();
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let hostile =
        "2025-10-01 08:47:01,122 - app - ERROR - it broke again \u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\r";
    desk.write("hostile.log", format!("{hostile}\n"));
    desk.write(
        "hostile.json.log",
        "{\"message\":\"it broke again \\u001b[2J\",\"service.name\":\"a\\u001b[31m\\u0007\",\"x\\u001b[1m\":\"\\u009b1m\"}\n",
    );
    for arguments in [
        &["scan", "--catalog", "catalog.yaml", "hostile.log", "hostile.json.log"][..],
        &["scan", "--catalog", "catalog.yaml", "--format", "jsonl", "hostile.log", "hostile.json.log"],
        &["explain", "--catalog", "catalog.yaml", "--file", "hostile.log"],
        &["explain", "--catalog", "catalog.yaml", "--file", "hostile.json.log"],
    ] {
        let said = desk.relapse(&[&["--color", "always"], arguments].concat());
        assert!(said.out.contains("it broke again"), "{arguments:?}: {}", said.out);
        let odd = colours.replace_all(&said.out, "").into_owned();
        let steering = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!odd.contains(steering), "{arguments:?}: {odd:?}");
        for own in ["\u{1b}[2J", "\u{1b}[31m\u{fffd}", "a\u{1b}[31m"] {
            assert!(!said.out.contains(own), "{arguments:?}: {:?}", said.out);
        }
    }
}

#[test]
fn jsonl_is_never_coloured() {
    let said = relapse(&["--color", "always", "scan", "--format", "jsonl", "examples/netra-backend-2025-10.log"]);
    assert!(said.out.contains("regression") && !said.out.contains(ESCAPE));
}
