use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::event::Event;
use super::wrong;
use crate::{Result, TrainError};

/// A file of events that several processes append to, one line each, on disk before the next step is taken.
///
/// Whoever reads or writes holds the lock of the file. Each process also holds the lock of a file of its own as long
/// as it lives: a trial whose worker holds no lock any more was killed.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// The bytes that have been read, up to the end of a line.
    read: u64,
    lines: usize,
    worker: String,
    /// Its lock tells others that this process lives.
    alive: File,
}

impl Journal {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(failed(path))?;
        let (worker, alive) = new_worker(path)?;
        Ok(Self { path: path.to_owned(), file, read: 0, lines: 0, worker, alive })
    }

    pub(crate) fn worker(&self) -> &str {
        &self.worker
    }

    /// Waits until no other process uses the journal.
    pub(crate) fn lock(&self) -> Result<()> {
        self.file.lock().map_err(failed(&self.path))
    }

    pub(crate) fn unlock(&self) -> Result<()> {
        self.file.unlock().map_err(failed(&self.path))
    }

    /// The events that were appended since the last call, with the numbers of their lines. What follows the last end of a line was being written when
    /// its process was killed, and is cut off. To be called with the lock held.
    pub(crate) fn news(&mut self) -> Result<Vec<(usize, Event)>> {
        let failed = failed(&self.path);
        let mut bytes = Vec::new();
        let all = self.file.seek(SeekFrom::Start(self.read)).and_then(|_| self.file.read_to_end(&mut bytes));
        all.map_err(&failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            self.file.set_len(self.read + whole as u64).map_err(&failed)?;
        }
        bytes.truncate(whole);
        self.read += whole as u64;
        let text = String::from_utf8_lossy(&bytes);
        let mut events = Vec::new();
        for line in text.lines() {
            self.lines += 1;
            let event =
                Event::from_line(line).ok_or_else(|| self.broken(self.lines, "is no line of a search"))?;
            events.push((self.lines, event));
        }
        Ok(events)
    }

    /// Appends a line and waits until it is on disk. To be called with the lock held and all news read.
    pub(crate) fn append(&mut self, event: &Event) -> Result<()> {
        let line = event.to_line();
        let written = self
            .file
            .seek(SeekFrom::Start(self.read))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            .and_then(|()| self.file.sync_data());
        written.map_err(failed(&self.path))?;
        self.read += line.len() as u64;
        self.lines += 1;
        Ok(())
    }

    /// Whether the process of `worker` lives.
    pub(crate) fn lives(&self, worker: &str) -> Result<bool> {
        if worker == self.worker {
            return Ok(true);
        }
        let path = worker_path(&self.path, worker);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(&path)(error)),
        };
        match file.try_lock() {
            Ok(()) => {
                // left by a process that was killed; if it cannot be removed it does no harm
                let _ = std::fs::remove_file(&path);
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(&path)(error)),
        }
    }

    pub(crate) fn broken(&self, line: usize, what: &str) -> TrainError {
        wrong(format!("{}, line {line}: {what}", self.path.display()))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // a file that stays behind is taken for that of a killed process, which is true
        let _ = self.alive.unlock();
        let _ = std::fs::remove_file(worker_path(&self.path, &self.worker));
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> TrainError + use<> {
    let path = path.to_owned();
    move |source| TrainError::Io { path: path.clone(), source }
}

fn worker_path(journal: &Path, worker: &str) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(format!(".{worker}"));
    PathBuf::from(path)
}

/// A name that no worker of this journal has or had, and its file, locked. The time tells it from those of killed
/// processes that had the same number.
fn new_worker(journal: &Path) -> Result<(String, File)> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut time = since.as_nanos();
    loop {
        let worker = format!("worker-{}-{time:x}", std::process::id());
        let path = worker_path(journal, &worker);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                file.lock().map_err(failed(&path))?;
                return Ok((worker, file));
            }
            // another search of this process, at the same time
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => time += 1,
            Err(error) => return Err(failed(&path)(error)),
        }
    }
}
