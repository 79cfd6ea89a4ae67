//! What a localnet needs of the machine before it starts anything: a directory of its own, free ports, disk space.
//!
//! Each refusal comes before the first process is started, and says what to do.

use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Free space below which a chain would soon stop: four databases, and logs.
const FREE_BYTES_MIN: u64 = 512 * 1024 * 1024;

/// How long the processes of a localnet that was just killed may take to end.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// The localnet's directory, locked for as long as this value lives, or a process that the localnet started.
///
/// The processes inherit the lock: after `kill -9` of the localnet they end by themselves, but not at once, and the next
/// localnet must not start theirs beside them.
pub struct Premises {
    directory: PathBuf,
    is_new: bool,
    _lock: File,
}

impl Premises {
    /// Takes a directory, making it if need be and waiting at most `patience` for those who are leaving it.
    ///
    /// # Errors
    ///
    /// When it cannot be written, another localnet holds it, or the disk is nearly full.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn take(directory: &Path, patience: Duration) -> Result<Self> {
        fs::create_dir_all(directory.join("logs"))
            .with_context(|| format!("make the data directory {}", directory.display()))?;
        let directory = directory
            .canonicalize()
            .with_context(|| format!("resolve {}", directory.display()))?;
        ensure_space(&directory)?;
        let lock = File::create(directory.join("lock")).context("write to the data directory")?;
        let lock = match lock.try_lock() {
            Ok(()) => lock,
            Err(TryLockError::WouldBlock) => match locked_within(lock, patience).await {
                Some(lock) => lock.context("lock the data directory")?,
                None => bail!(
                    "another localnet runs in {}\nhint: stop it, or choose another place with --data-dir",
                    directory.display()
                ),
            },
            Err(TryLockError::Error(error)) => {
                return Err(error).context("lock the data directory");
            }
        };
        rustix::io::fcntl_setfd(&lock, rustix::io::FdFlags::empty())
            .context("let processes inherit the lock")?;
        let is_new = !directory.join("chain/genesis.json").exists();
        Ok(Self {
            directory,
            is_new,
            _lock: lock,
        })
    }

    /// The directory, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether no market has been opened here yet.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Where the processes write their logs.
    pub fn logs(&self) -> PathBuf {
        self.directory.join("logs")
    }
}

/// Waits for the lock; `None` if it is still held after `patience`.
async fn locked_within(lock: File, patience: Duration) -> Option<std::io::Result<File>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // A thread of its own: a pool's would be waited for at the program's end.
    std::thread::spawn(move || {
        let locked = lock.lock().map(|()| lock);
        // Nobody waits any more: the lock is let go with the file.
        sender.send(locked).ok();
    });
    tokio::time::timeout(patience, receiver).await.ok()?.ok()
}

fn ensure_space(directory: &Path) -> Result<()> {
    let statistics = rustix::fs::statvfs(directory)
        .with_context(|| format!("ask how much space is free in {}", directory.display()))?;
    let free = statistics.f_bavail.saturating_mul(statistics.f_frsize);
    if free < FREE_BYTES_MIN {
        bail!(
            "only {} MiB are free in {}; a localnet needs {} MiB\nhint: free some space, or choose another disk with --data-dir",
            free >> 20,
            directory.display(),
            FREE_BYTES_MIN >> 20
        );
    }
    Ok(())
}

/// Checks that each named port can be bound on the loopback address.
///
/// # Errors
///
/// Names every busy port and the option that moves it.
pub fn ensure_ports_free(ports: &[(u16, &str)]) -> Result<()> {
    let mut busy = Vec::new();
    for (port, option) in ports {
        match TcpListener::bind(("127.0.0.1", *port)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                busy.push(format!("port {port} is busy (move it with {option})"));
            }
            Err(error) => {
                return Err(error).with_context(|| format!("bind port {port} ({option})"));
            }
        }
    }
    if !busy.is_empty() {
        bail!("{}\nhint: is another localnet running?", busy.join("; "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_the_option_that_moves_it() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let error = ensure_ports_free(&[(port, "--rpc-port")])
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("port {port} is busy")), "{error}");
        assert!(error.contains("--rpc-port"), "{error}");
    }

    #[tokio::test]
    async fn one_directory_holds_one_localnet_at_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let impatient = Duration::from_millis(20);
        let first = Premises::take(scratch.path(), impatient).await.unwrap();
        assert!(first.is_new());
        let refused = Premises::take(scratch.path(), impatient).await;
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("another localnet"), "{refused}");
    }

    #[tokio::test]
    async fn a_localnet_waits_until_the_last_process_of_another_has_ended() {
        let scratch = tempfile::tempdir().unwrap();
        let first = Premises::take(scratch.path(), LOCK_PATIENCE).await.unwrap();
        // Outlives the localnet that started it, as after `kill -9`, until its standard input closes.
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(first);
        let impatient = Duration::from_millis(20);
        assert!(Premises::take(scratch.path(), impatient).await.is_err());
        let waiting = Premises::take(scratch.path(), LOCK_PATIENCE);
        drop(child.stdin.take());
        assert!(waiting.await.is_ok());
        child.wait().unwrap();
    }
}
