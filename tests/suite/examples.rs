//! The example logs and the fixtures they share their origin with. Receives `examples/`, `tests/fixtures/` and, in the environment variable
//! `RELAPSE_TEST_PYTHON`, an interpreter with the packages of `tests/generate/requirements.txt`; shows that real libraries still print what
//! is stored, and that `relapse scan` judges the examples as their README says. `python::wording` judges the fixtures with the same tools.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// File, signature and verdict → how many records.
pub(crate) type Findings = BTreeMap<(String, String, String), u64>;

const ADVICE: &str = "run scripts/test, which installs the interpreter's packages and sets RELAPSE_TEST_PYTHON";

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn logs(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// What must not differ between two machines with the same Python minor version: frames of the standard library are left out, because
/// patch releases move its lines; escaped line ends of JSON become real ones, so that frames inside JSON are seen too.
fn comparable(text: &str) -> String {
    let mut kept = Vec::new();
    let mut skipping = false;
    let unescaped = text.replace("\\n", "\n").replace("\\\"", "\"");
    for line in unescaped.lines() {
        let place = line.trim_start().trim_start_matches("> ");
        if place.starts_with("File \"") {
            skipping = place.contains("\"/usr/local/lib/python3.") && !place.contains("/site-packages/");
        } else if !line.starts_with("    ") {
            skipping = false;
        }
        if !skipping {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// Runs the generator with the test interpreter, for `python` if that is another one, and gives the folder of its Python version.
pub(crate) fn generate(python: Option<&Path>, out: &Path) -> PathBuf {
    let tester = std::env::var("RELAPSE_TEST_PYTHON").unwrap_or_else(|_| {
        panic!("RELAPSE_TEST_PYTHON is not set: it names the Python that re-creates the fixtures; {ADVICE}")
    });
    let mut command = Command::new(&tester);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(repository("tests/generate/generate.py")).arg("--out").arg(out);
    if let Some(python) = python {
        command.arg("--stdlib-only").arg("--python").arg(python);
    }
    let run = command.output();
    let run = run.unwrap_or_else(|error| panic!("RELAPSE_TEST_PYTHON={tester} does not run: {error}; {ADVICE}"));
    assert!(run.status.success(), "the generator failed:\n{}\n{ADVICE}", String::from_utf8_lossy(&run.stderr));
    let made: Vec<PathBuf> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(made.len(), 1, "one interpreter makes one folder: {made:?}");
    made[0].clone()
}

/// The fixtures as the test interpreter makes them now, made once for all tests.
pub(crate) fn fresh() -> &'static Path {
    static FRESH: OnceLock<PathBuf> = OnceLock::new();
    FRESH.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures");
        // What an earlier run left.
        let _ = fs::remove_dir_all(&out);
        fs::create_dir_all(&out).unwrap();
        generate(None, &out)
    })
}

#[test]
fn real_libraries_still_print_what_is_stored() {
    let fresh = fresh();
    let version = fresh.file_name().unwrap().to_string_lossy().into_owned();
    let folder = repository("tests/fixtures").join(&version);
    if !folder.exists() {
        // A Python nobody has stored fixtures of yet: what it prints is judged all the same, see `python::wording`.
        return;
    }
    let (stored, fresh) = (logs(&folder), logs(fresh));
    let names = |logs: &BTreeMap<String, String>| logs.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&fresh), names(&stored), "tests/fixtures/{version}");
    for (name, text) in &fresh {
        let (fresh, stored) = (comparable(text), comparable(&stored[name]));
        assert!(fresh == stored, "tests/fixtures/{version}/{name}: {}", first_difference(&stored, &fresh));
    }
}

fn first_difference(stored: &str, fresh: &str) -> String {
    let pair = stored.lines().zip(fresh.lines()).enumerate().find(|(_, (stored, fresh))| stored != fresh);
    match pair {
        Some((at, (stored, fresh))) => format!("line {} was\n  {stored}\nand is now\n  {fresh}", at + 1),
        None => format!("{} lines were stored, {} are made now", stored.lines().count(), fresh.lines().count()),
    }
}

#[test]
fn the_comparison_sees_what_matters() {
    let frame = |line: u32| {
        format!("  File \"/usr/local/lib/python3.11/asyncio/runners.py\", line {line}, in run\n    return x\n")
    };
    let text =
        |line: u32, error: &str| format!("Traceback (most recent call last):\n{}TypeError: {error}\n", frame(line));
    assert_eq!(comparable(&text(190, "a")), comparable(&text(194, "a")));
    assert_ne!(comparable(&text(190, "a")), comparable(&text(190, "b")));
    let escaped = |line: u32| text(line, "a").replace('"', "\\\"").replace('\n', "\\n");
    assert_eq!(comparable(&escaped(190)), comparable(&escaped(194)));
    let library = "  File \"/usr/local/lib/python3.11/site-packages/starlette/routing.py\", line 1, in lifespan\n";
    assert_ne!(comparable(library), comparable(&library.replace("line 1", "line 2")));
}

#[test]
fn every_interpreter_has_its_own_wording_stored() {
    let bare = "TypeError: __init__() got an unexpected keyword argument 'websocket_connection_id'\n";
    let qualified =
        "TypeError: UserExecutionContext.__init__() got an unexpected keyword argument 'websocket_connection_id'\n";
    let hinted = "TypeError: UserExecutionContext.__init__() got an unexpected keyword argument 'websocket_connection_id'. Did you mean 'websocket_client_id'?\n";
    let wordings = [(8, bare), (9, bare), (10, qualified), (11, qualified), (12, qualified), (13, hinted)];
    for (minor, wording) in wordings {
        let stored = logs(&repository(&format!("tests/fixtures/python-3.{minor}")));
        assert!(stored["stdlib.log"].contains(wording), "python-3.{minor}/stdlib.log lacks {wording}");
        let stale = "    manager = create_websocket_manager(context)\n";
        assert!(
            stored["stale-bytecode.log"].contains(stale),
            "python-3.{minor}: the stale traceback must print the fixed line"
        );
    }
}

/// The table of verdicts in a README: rows of four cells whose last one is a number.
pub(crate) fn expected(readme: &str) -> Findings {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    readme
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(cells)
        .filter_map(|row| match row.as_slice() {
            [file, signature, verdict, count] => {
                let count = count.parse().ok()?;
                Some(((file.clone(), signature.clone(), verdict.clone()), count))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn the_readme_lists_every_example_and_every_example_is_short() {
    let readme = fs::read_to_string(repository("examples/README.md")).unwrap();
    let expected = expected(&readme);
    for (name, text) in logs(&repository("examples")) {
        assert!(expected.keys().any(|(file, ..)| *file == name), "{name} has no row in the table of verdicts");
        assert!(readme.matches(&format!("| `{name}` |")).count() >= 2, "{name} is not described");
        assert!(text.lines().count() < 300, "{name} is too long to be read");
    }
    let quiet = "netra-backend-2025-09-08.log";
    assert!(
        !expected.keys().any(|(file, _, verdict)| file == quiet && verdict == "regression"),
        "{quiet} holds no regression"
    );
}

/// What `relapse scan` finds in files of `folder`; its exit code must say whether there is a regression among it.
pub(crate) fn scan<'f>(folder: &Path, files: impl IntoIterator<Item = &'f String>) -> Findings {
    let mut scan = assert_cmd::Command::new(env!("CARGO_BIN_EXE_relapse"));
    scan.current_dir(folder).args(["scan", "--format", "jsonl"]).args(files);
    let assert = scan.assert();
    let output = assert.get_output();
    let mut found = Findings::new();
    for line in String::from_utf8(output.stdout.clone()).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let text =
            |key: &str| record[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text in {line}")).to_owned();
        *found.entry((text("file"), text("signature"), text("verdict"))).or_default() += 1;
    }
    let code = i32::from(found.keys().any(|(.., verdict)| verdict == "regression"));
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    found
}

#[test]
fn scan_finds_in_the_examples_what_their_readme_says() {
    let files = logs(&repository("examples"));
    let found = scan(&repository("examples"), files.keys());
    let readme = fs::read_to_string(repository("examples/README.md")).unwrap();
    assert_eq!(found, expected(&readme));
}
