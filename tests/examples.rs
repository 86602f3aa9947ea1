//! The examples as a user runs them: short, and with everything that can be wrong on the command line.

// helpers of tests may fail as tests do
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Output};

/// The example `name`, which cargo builds beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples");
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: run cargo build --examples first", path.display());
    let mut command = Command::new(path);
    command.env_remove("ANYGRAD_DEVICE");
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    example(name).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder of this process that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anygrad-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn digits_trains_and_writes_weights_and_a_curve() {
    let folder = Folder::new("digits");
    let out = folder.0.to_str().unwrap();
    let output = run("digits", &["--device", "cpu", "--epochs", "2", "--out", out]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("CPU"), "{}", stderr(&output));
    assert!(stdout(&output).contains("test:"), "{}", stdout(&output));
    let svg = std::fs::read_to_string(folder.0.join("loss.svg")).unwrap();
    assert!(svg.contains("<svg") && svg.contains("</svg>"));
    assert!(std::fs::metadata(folder.0.join("weights.safetensors")).unwrap().len() > 10_000);
}

#[test]
fn digits_explains_its_step() {
    let output = run("digits", &["--device", "cpu", "--explain"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    for part in ["program:", "plan:", "conv", "in place", "FLOP", "memory:", "in conv1"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn xor_learns_what_no_line_can_separate() {
    let output = run("xor", &["--device", "cpu"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn ops_of_ones_own_run_on_every_device() {
    let output = run("custom_op", &["cpu"]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    for part in
        ["gradient check: 12 elements", "witch is fused: true", "second_difference: takes floats", "loss "]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let output = run("custom_op", &["software"]);
    let text = if output.status.success() { stdout(&output) } else { stderr(&output) };
    let none = text.contains("there is no software Vulkan adapter");
    assert!(none || text.contains("largest difference between the two: "), "{text}");
}

/// Runs an example with few epochs in a folder of its own; gives what it prints.
fn small(name: &str, arguments: &[&str], folder: &Folder) -> String {
    let out = folder.0.to_str().unwrap();
    let output = run(name, &[&["--device", "cpu", "--epochs", "2"], arguments, &["--out", out][..]].concat());
    assert!(output.status.success(), "{name}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// As `small`, for those that write no file.
fn small_without_files(name: &str, arguments: &[&str]) -> String {
    let output = run(name, &[&["--device", "cpu", "--epochs", "1"], arguments].concat());
    assert!(output.status.success(), "{name}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

#[test]
fn the_playground_draws_a_boundary_for_each_set() {
    let folder = Folder::new("playground");
    let text = small("playground", &[], &folder);
    for set in ["ring", "petals", "spirals"] {
        let svg = std::fs::read_to_string(folder.0.join(format!("{set}.svg"))).unwrap();
        assert!(svg.contains("</svg>") && text.to_lowercase().contains(set), "{set}");
    }
    let one = small("playground", &["--set", "petals", "--hidden", "3,3"], &folder);
    assert!(one.contains("hidden [3, 3]") && !one.contains("Ring"), "{one}");
    let wrong = run("playground", &["--set", "cube"]);
    assert!(!wrong.status.success() && stderr(&wrong).contains("cube"));
}

#[test]
fn sequences_are_learnt_small() {
    for model in ["lstm", "conv"] {
        let text = small_without_files("sentiment", &["--model", model]);
        assert!(text.contains("3000 reviews") && text.contains("test: "), "{text}");
    }
    let text = small_without_files("char_rnn", &["--letters", "40", "--hidden", "16"]);
    assert!(text.contains("bits a letter"), "{text}");
    let folder = Folder::new("forecast");
    let text = small("forecast", &[], &folder);
    assert!(text.contains("mean squared error: ") && folder.0.join("forecast.svg").exists(), "{text}");
}

#[test]
fn files_of_ones_own_are_read_or_named() {
    let folder = Folder::new("own");
    let file = |name: &str, text: &str| {
        let path = folder.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good: String = (0..40).map(|i| format!("{}\ta film {}\n", i % 2, ["bad", "good"][i % 2])).collect();
    let text = small_without_files("sentiment", &["--data", &file("good.tsv", &good)]);
    assert!(text.contains("40 reviews"), "{text}");
    let series: String = (0..200).map(|i| format!("day {i},{}\n", i % 7)).collect();
    let series = file("series.csv", &format!("day,value\n{series}"));
    small("forecast", &["--data", &series, "--season", "7"], &folder);
    let wrong: &[(&str, String, &str)] = &[
        ("sentiment", file("bad.tsv", "1\tgood\nno class\n"), "bad.tsv, line 2"),
        ("sentiment", "no-such-file".into(), "no-such-file"),
        ("forecast", file("bad.csv", "value\n1\n2,three\n"), "bad.csv, line 3"),
        ("forecast", file("short.csv", "1\n2\n3\n"), "needs"),
        ("char_rnn", file("short.txt", "abc"), "needs"),
        ("char_rnn", "no-such-file".into(), "no-such-file"),
    ];
    for (name, data, expected) in wrong {
        let output = run(name, &["--device", "cpu", "--data", data]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{name} {data}: {text}");
        assert!(text.contains(expected) && !text.contains("panicked"), "{name} {data}: {text}");
    }
}

#[test]
fn the_autoencoder_and_overfitting_draw_what_they_find() {
    let folder = Folder::new("autoencoder");
    let text = small("autoencoder", &["--code", "4"], &folder);
    assert!(text.contains("mean squared error") && folder.0.join("copies.svg").exists(), "{text}");
    let text = small("overfitting", &[], &folder);
    let svg = std::fs::read_to_string(folder.0.join("validation.svg")).unwrap();
    for run in ["nothing", "dropout 0.5", "L2 0.002"] {
        assert!(text.contains(run) && svg.contains(run), "{run}: {text}");
    }
}

#[test]
fn the_search_goes_on_with_its_journal() {
    let folder = Folder::new("search");
    let text = small("search", &["--trials", "3"], &folder);
    assert!(text.contains("best: ") && folder.0.join("trials.svg").exists(), "{text}");
    let noted = |folder: &Folder| std::fs::read(folder.0.join("journal.jsonl")).unwrap();
    let before = noted(&folder);
    // nothing is left to do, and the result is the same
    assert_eq!(small("search", &["--trials", "3"], &folder), text);
    assert_eq!(noted(&folder), before);
    // another search does not go on with this journal
    let out = folder.0.to_str().unwrap();
    let other = run("search", &["--device", "cpu", "--trials", "3", "--seed", "7", "--out", out]);
    assert_eq!(other.status.code(), Some(1), "{}", stdout(&other));
    assert!(stderr(&other).contains("journal"), "{}", stderr(&other));
}

#[test]
fn every_example_explains_itself() {
    let trainers =
        ["playground", "sentiment", "char_rnn", "forecast", "autoencoder", "overfitting", "search"];
    for name in ["digits", "xor", "mnist_mlp", "mnist_cnn"].into_iter().chain(trainers) {
        let output = run(name, &["--help"]);
        assert!(output.status.success());
        for flag in ["--device", "--epochs", "--seed", "--batch-size", "--lr"] {
            assert!(stdout(&output).contains(flag), "{name} has no {flag}");
        }
    }
}

#[test]
fn a_wrong_argument_gives_one_clear_error() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("digits", &["--device", "toaster"], "toaster"),
        ("digits", &["--epochs", "none"], "none"),
        ("digits", &["--batch-size", "0"], "whole number from 1"),
        ("digits", &["--lr", "NaN"], "above 0"),
        ("digits", &["--frobnicate"], "--frobnicate"),
        ("mnist_mlp", &["--device", "cpu", "--data", "no-such-folder"], "no-such-folder"),
        ("mnist_cnn", &["--device", "cpu"], "--data"),
        ("digits", &["--device", "gpu:77"], "77"),
    ];
    for (name, arguments, expected) in cases {
        let output = run(name, arguments);
        let text = stderr(&output);
        assert!(!output.status.success(), "{name} {arguments:?}");
        assert!(text.contains(expected), "{name} {arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{name} {arguments:?}: {text}");
    }
}

#[test]
fn the_environment_chooses_the_device() {
    let output = example("digits").env("ANYGRAD_DEVICE", "sofware").arg("--explain").output().unwrap();
    assert!(!output.status.success());
    assert!(stderr(&output).contains("unknown device \"sofware\""), "{}", stderr(&output));
    let output = example("digits").env("ANYGRAD_DEVICE", "cpu").arg("--explain").output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("ANYGRAD_DEVICE=cpu"), "{}", stderr(&output));
}
