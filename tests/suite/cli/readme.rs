//! The README is run: its commands, its screenful, its examples and its tables.

use std::collections::BTreeSet;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::process::Stdio;

use clap::CommandFactory;
use relapse::cli::Cli;
use relapse::config::Config;
use relapse::model::verdict::Verdict;
use serde_json::Value;
use tempfile::TempDir;

use super::Desk;
use super::command;
use super::repository;
use crate::peers;

const CARGO: &str = "cargo run --release -- ";

fn readme() -> String {
    fs::read_to_string(repository("README.md")).unwrap()
}

/// The contents of the fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split(&format!("\n```{language}\n")).skip(1) {
        found.push(part.split("\n```").next().unwrap().to_owned() + "\n");
    }
    found
}

/// Every command of the README, without comments.
fn commands() -> Vec<String> {
    let blocks = blocks(&readme(), "sh");
    let lines = blocks.iter().flat_map(|block| block.lines());
    lines.map(|line| line.split(" # ").next().unwrap().trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The rows of the table whose header begins with `first`; cells without backticks.
fn table(first: &str) -> Vec<Vec<String>> {
    let text = readme();
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    assert!(lines.next().is_some(), "no table `{first}`");
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect()
}

#[test]
fn every_command_works() {
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    assert_eq!(commands[0], format!("{CARGO}run --logs 'examples/*.log'"), "the first thing a newcomer types");
    assert_eq!(commands[1], "scripts/test");
    let binary = env!("CARGO_BIN_EXE_relapse");
    for line in commands.iter().skip(2) {
        let arguments = line.strip_prefix(CARGO).unwrap_or_else(|| panic!("not run by this test: {line}"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{binary} {arguments}")]).current_dir(repository(""));
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let wanted = i32::from(arguments.starts_with("scan"));
        assert_eq!(output.status.code(), Some(wanted), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{line}");
    }
}

#[test]
fn the_test_command_is_what_continuous_integration_runs() {
    let mode = fs::metadata(repository("scripts/test")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "scripts/test is not executable");
    let ci = fs::read_to_string(repository(".ci/run")).unwrap();
    let called: Vec<&str> = ci.lines().filter(|line| line.contains("scripts/")).collect();
    assert_eq!(called, ["exec scripts/test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_command_tells_a_regression_and_serves_metrics() {
    let line = commands().remove(0);
    let home = TempDir::new().unwrap();
    let address = peers::free_address();
    let mut run = Command::new("sh");
    // `exec`: the signal must reach relapse, not the shell.
    run.args(["-c", &format!("exec {} {}", env!("CARGO_BIN_EXE_relapse"), line.strip_prefix(CARGO).unwrap())])
        .current_dir(repository(""))
        .env("RELAPSE_STATE", home.path().join("state"))
        .env("RELAPSE_LISTEN", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(home.path().join("stderr")).unwrap());
    let mut child = run.spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let regression = tokio::task::spawn_blocking(move || told.find(|line| line.as_ref().unwrap().contains("RELAPSED")));
    let regression = regression.await.unwrap();
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    for row in table("Address") {
        let path = &row[0];
        peers::eventually(path, || async {
            let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert!(regression.is_some(), "{}", fs::read_to_string(home.path().join("stderr")).unwrap());
    assert!(metrics.contains("relapse_matches_total{"), "{metrics}");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_screenful_is_what_the_binary_prints() {
    let text = readme();
    let shown = blocks(&text, "text").remove(0);
    let line = shown.lines().next().unwrap().strip_prefix("$ relapse ").unwrap();
    let mut scan = command(&repository(""));
    let output = scan.env("COLUMNS", "110").args(line.split(' ')).output().unwrap();
    let timing = regex::Regex::new(r"in \d+\.\d s\b").unwrap();
    let steady = |text: &str| timing.replace_all(text, "in 0.0 s").into_owned();
    let printed = format!("$ relapse {line}\n{}", String::from_utf8(output.stdout).unwrap());
    let printed = printed.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() && steady(&printed) != steady(&shown) {
        fs::write(repository("README.md"), text.replacen(&shown, &printed, 1)).unwrap();
        return;
    }
    assert_eq!(steady(&shown), steady(&printed), "UPDATE_DOCS=1 cargo test --test suite cli::readme writes it anew");
}

#[test]
fn the_examples_are_accepted() {
    let blocks = blocks(&readme(), "yaml");
    let [signature, config] = blocks.as_slice() else { panic!("{blocks:?}") };
    let desk = Desk::new();
    desk.write("signature.yaml", signature);
    let said = desk.relapse(&["check", "--deny", "warnings", "signature.yaml"]);
    assert_eq!(said.code, 0, "{}", said.out);
    let config = Config::from_text("README.md", config).unwrap_or_else(|invalid| panic!("{invalid}"));
    assert!(!config.logs.include.is_empty());
}

#[test]
fn the_verdicts_are_all_there() {
    let listed: BTreeSet<String> = table("Verdict").into_iter().map(|row| row[0].clone()).collect();
    let all: BTreeSet<String> = Verdict::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(listed, all);
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = super::relapse(&["--help"]).out;
    let (_, codes) = help.split_once("Exit codes:").unwrap();
    for (number, row) in table("Exit code").iter().enumerate() {
        assert_eq!(row[0], number.to_string());
        assert!(codes.contains(&format!("  {number}  ")), "{number} is not in the help");
    }
    assert_eq!(table("Exit code").len(), 6);
}

#[test]
fn every_flag_of_run_is_listed_with_its_variable_and_key() {
    let mut cli = Cli::command();
    cli.build();
    let run = cli.find_subcommand("run").unwrap();
    let flags: BTreeSet<(String, String)> = run
        .get_arguments()
        .filter(|argument| argument.get_id() != "help")
        .map(|argument| {
            let flag = format!("--{}", argument.get_long().unwrap());
            let variable = argument.get_env().unwrap_or_else(|| panic!("{flag} has no variable"));
            assert_eq!(variable.to_str().unwrap(), format!("RELAPSE_{}", flag[2..].to_uppercase().replace('-', "_")));
            (flag, variable.to_str().unwrap().to_owned())
        })
        .collect();
    let rows = table("Flag of `run`");
    let listed: BTreeSet<(String, String)> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(listed, flags);
    for key in rows.iter().map(|row| &row[2]).filter(|key| !key.is_empty()) {
        assert!(is_key(key), "`{key}` is no key of the configuration");
    }
    assert!(!is_key("http.lisen"), "the test can fail");
    assert_eq!(rows.iter().find(|row| row[0] == "--listen").unwrap()[3], Config::default().http.listen);
}

fn is_key(path: &str) -> bool {
    let root = Config::json_schema();
    let mut schema = &root;
    for key in path.split('.') {
        // A section that may be left out.
        schema = schema.pointer("/anyOf/0").unwrap_or(schema);
        if let Some(pointer) = schema["$ref"].as_str() {
            schema = root.pointer(&pointer[1..]).unwrap();
        }
        schema = &schema["properties"][key];
    }
    *schema != Value::Null
}

#[test]
fn links_lead_somewhere() {
    let text = readme();
    let link = regex::Regex::new(r"\]\(([^)]+)\)").unwrap();
    let links: Vec<&str> = link.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(links.len() > 5);
    for target in links.iter().filter(|target| !target.starts_with("http")) {
        assert!(repository(target).exists(), "{target} does not exist");
    }
}
