//! The journal of a search: what survives an interruption, and how workers share it.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anygrad_train::TrainError;
use anygrad_train::search::*;

/// A folder of its own for one test; removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // waiting for a disk thousands of times would take minutes
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let path = base.join(format!("anygrad-search-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn journal(&self) -> Option<PathBuf> {
        Some(self.0.join("journal.jsonl"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn message<T: std::fmt::Debug>(result: Result<T, TrainError>) -> String {
    result.unwrap_err().to_string()
}

fn rates() -> Space {
    Space::new().log_uniform("rate", 1e-5, 1.0).uniform("dropout", 0.0, 0.8)
}

/// Least, 0, at a rate of 0.01 and a dropout of 0.3.
fn bowl(trial: &mut Trial<'_>) -> Result<f64, TrainError> {
    Ok((trial.number("rate")?.log10() + 2.0).powi(2) + 4.0 * (trial.number("dropout")? - 0.3).powi(2))
}

#[test]
fn a_journal_cut_anywhere_goes_on_to_the_same_study() {
    let folder = Folder::new("cut");
    let journal = folder.journal();
    let search = |trials, journal| Search {
        space: Space::new().log_uniform("rate", 1e-3, 1.0).choice("f", ["relu", "tanh"]),
        method: Method::Tpe(Tpe { trials, random_trials: 2, ..Tpe::default() }),
        seed: 9,
        journal,
        ..Search::default()
    };
    let objective = |trial: &mut Trial<'_>| {
        let value = trial.number("rate")?.ln().sin();
        trial.report(1, value / 3.0)?;
        if trial.index() == 2 { Ok(f64::NAN) } else { Ok(value) }
    };
    let wanted = search(4, None).run(objective).unwrap();
    assert_eq!(search(4, journal.clone()).run(objective).unwrap(), wanted);
    let path = journal.clone().unwrap();
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 1000);
    for length in 0..=whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let runs = AtomicUsize::new(0);
        let study = search(4, journal.clone())
            .run(|trial| {
                runs.fetch_add(1, Ordering::Relaxed);
                objective(trial)
            })
            .unwrap();
        assert_eq!(study, wanted, "cut at {length}");
        // what was finished does not run again
        let finished = String::from_utf8_lossy(&whole[..length])
            .lines()
            .filter(|line| line.contains("finish") && line.ends_with('}'))
            .count();
        assert!(runs.into_inner() <= 4 - finished.saturating_sub(1), "cut at {length}");
    }
    // half a line that is longer than those that follow leaves nothing behind
    let lines = whole.iter().filter(|byte| **byte == b'\n').count();
    let finished = whole.split_inclusive(|byte| *byte == b'\n').take(lines - 1).flatten().copied();
    std::fs::write(&path, finished.chain(std::iter::repeat_n(b'x', 3000)).collect::<Vec<u8>>()).unwrap();
    assert_eq!(search(4, journal.clone()).run(objective).unwrap(), wanted);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.ends_with('\n') && text.lines().all(|line| line.starts_with('{') && line.ends_with('}')),
        "{text}"
    );
    // no file of a worker stays behind
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
    // more trials than before go on from there, as if they had been wanted from the start
    let longer = search(6, journal.clone()).run(objective).unwrap();
    assert_eq!(longer, search(6, None).run(objective).unwrap());
}

#[test]
fn a_journal_of_another_search_or_with_a_broken_line_is_refused() {
    let folder = Folder::new("other");
    let search = |seed, maximise| Search {
        space: rates(),
        method: Method::Random { trials: 3 },
        seed,
        maximise,
        journal: folder.journal(),
        ..Search::default()
    };
    search(1, false).run(bowl).unwrap();
    let error = message(search(2, false).run(bowl));
    assert!(
        error.ends_with("journal.jsonl, line 1: it is of another search: seed is 1 there, and 2 here"),
        "{error}"
    );
    assert!(message(search(1, true).run(bowl)).contains("maximise is false there, and true here"));
    let path = folder.journal().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"event\":\"start\"", "\"event\":\"stop\"", 1)).unwrap();
    let error = message(search(1, false).run(bowl));
    assert!(error.ends_with("line 2: is no line of a search"), "{error}");
}

#[test]
fn several_threads_and_searches_share_a_journal_without_running_a_trial_twice() {
    let folder = Folder::new("share");
    let runs: Vec<AtomicUsize> = (0..40).map(|_| AtomicUsize::new(0)).collect();
    let search = Search {
        space: rates(),
        method: Method::Random { trials: 40 },
        seed: 5,
        workers: 2,
        journal: folder.journal(),
        ..Search::default()
    };
    let work = || {
        search
            .run(|trial| {
                runs[trial.index()].fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(3));
                bowl(trial)
            })
            .unwrap()
    };
    // two searches with a journal each are to each other as two processes are
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        (work(), other.join().unwrap())
    });
    assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) == 1));
    assert_eq!(first, second);
    let alone = Search { workers: 1, journal: None, ..search.clone() };
    assert_eq!(first, alone.run(bowl).unwrap());
}

fn interrupted() -> Search {
    Search { space: rates(), method: Method::Random { trials: 6 }, seed: 8, ..Search::default() }
}

/// What this test's program does in the process that is killed: it runs two trials and hangs in the third one.
fn hang(journal: PathBuf) {
    let search = Search { journal: Some(journal), ..interrupted() };
    let _ = search.run(|trial| {
        while trial.index() == 2 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        bowl(trial)
    });
}

/// Kills the process when the test ends, however it ends.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_trial_of_a_killed_process_is_taken_over() {
    if let Some(journal) = std::env::var_os("ANYGRAD_TEST_JOURNAL") {
        return hang(journal.into());
    }
    let folder = Folder::new("kill");
    let journal = folder.journal().unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_trial_of_a_killed_process_is_taken_over"])
        .env("ANYGRAD_TEST_JOURNAL", &journal)
        .stdout(std::process::Stdio::null())
        .spawn();
    let child = Killed(child.unwrap());
    let started = |trial: usize| {
        let text = std::fs::read_to_string(&journal).unwrap_or_default();
        text.lines().any(|line| line.contains("start") && line.contains(&format!("\"trial\":{trial},")))
    };
    let begin = std::time::Instant::now();
    while !started(2) {
        assert!(begin.elapsed().as_secs() < 60, "the other process does not begin");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let search = Search { journal: Some(journal.clone()), ..interrupted() };
    let ran = std::sync::Mutex::new(Vec::new());
    let study = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            search.run(|trial| {
                ran.lock().unwrap().push(trial.index());
                bowl(trial)
            })
        });
        // it runs the free trials, and waits for the one that the living process has
        while ran.lock().unwrap().len() < 3 {
            assert!(begin.elapsed().as_secs() < 60, "the free trials do not run");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!other.is_finished() && ran.lock().unwrap().len() == 3);
        drop(child);
        other.join().unwrap().unwrap()
    });
    assert_eq!(ran.into_inner().unwrap(), [3, 4, 5, 2]);
    assert_eq!(study, interrupted().run(bowl).unwrap());
}
