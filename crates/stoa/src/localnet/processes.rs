//! The localnet's child processes: started as an operator would, logged to a file each, watched, ended together.
//!
//! Nothing is restarted behind the user's back: killing a process to see what happens is what a localnet is for. The
//! file `processes.json` in the data directory names each one with its process id and the exact command that starts it again.

use super::cast::Role;
use anyhow::{Context, Result, bail};
use keys::Pair;
use primitives::NetUid;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a process may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(8);

/// Bytes of a log shown when its process fails at the start.
const TAIL_BYTES_MAX: usize = 2_000;

/// A role of the market as a child process.
pub struct Process {
    name: String,
    part: String,
    netuid: Option<NetUid>,
    port: u16,
    hotkey: Option<String>,
    coldkey: Option<String>,
    arguments: Vec<String>,
    log: PathBuf,
    child: Child,
}

/// What `processes.json` says of each process.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    part: &'a str,
    netuid: Option<NetUid>,
    pid: Option<u32>,
    port: u16,
    hotkey: Option<&'a str>,
    coldkey: Option<&'a str>,
    command: String,
    log: &'a Path,
}

impl Process {
    /// Starts `stoa ARGUMENTS…`, with everything it prints appended to `LOGS/NAME.log`.
    ///
    /// # Errors
    ///
    /// When the log cannot be written (a full disk, say) or the program cannot be started.
    pub fn start(binary: &Path, logs: &Path, role: &Role) -> Result<Self> {
        let log = logs.join(format!("{}.log", role.name));
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("open the log {}", log.display()))?;
        let errors = output
            .try_clone()
            .context("share the log between stdout and stderr")?;
        let child = Command::new(binary)
            .arg("--end-with-parent")
            .args(&role.arguments)
            // Dozens of processes share this machine's cores: each model computes on one thread, or all of them wait.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C reaches the localnet alone, which then ends its processes in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", role.name))?;
        let address = |pair: &Option<Pair>| pair.as_ref().map(|pair| pair.account().to_string());
        Ok(Self {
            name: role.name.clone(),
            part: role.part.clone(),
            netuid: role.netuid,
            port: role.port,
            hotkey: address(&role.hotkey),
            coldkey: address(&role.coldkey),
            arguments: role.arguments.clone(),
            log,
            child,
        })
    }

    /// The role's name, such as `text-2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Fails, with the end of its log, when the process has ended.
    ///
    /// # Errors
    ///
    /// The process's exit status and last words.
    pub fn ensure_running(&mut self) -> Result<()> {
        match self
            .child
            .try_wait()
            .with_context(|| format!("look after {}", self.name))?
        {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended at once ({status}); its log {} ends:\n{}",
                self.name,
                self.log.display(),
                tail(&self.log)
            ),
        }
    }

    /// Asks the process to end.
    fn terminate(&self) {
        let Some(id) = self.child.id() else { return };
        let Some(pid) = i32::try_from(id)
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        else {
            return;
        };
        // A process that has just ended cannot be signalled, which is what is wanted.
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
    }
}

/// Ends every process: asks all, waits for each, kills what does not listen.
pub async fn stop_all(mut processes: Vec<Process>) {
    for process in &processes {
        process.terminate();
    }
    let deadline = tokio::time::Instant::now() + GRACE;
    for process in &mut processes {
        if tokio::time::timeout_at(deadline, process.child.wait())
            .await
            .is_err()
        {
            tracing::warn!(process = process.name, "did not end in time; killing it");
            if let Err(error) = process.child.kill().await {
                tracing::warn!(process = process.name, %error, "cannot be killed");
            }
        }
    }
}

/// Writes `processes.json`, for those who want to kill a process and start it again.
///
/// # Errors
///
/// When the file cannot be written.
pub fn describe(processes: &[Process], binary: &Path, directory: &Path) -> Result<()> {
    let entries: Vec<Entry<'_>> = processes
        .iter()
        .map(|process| Entry {
            name: &process.name,
            part: &process.part,
            netuid: process.netuid,
            pid: process.child.id(),
            port: process.port,
            hotkey: process.hotkey.as_deref(),
            coldkey: process.coldkey.as_deref(),
            command: shell_line(binary, &process.arguments),
            log: &process.log,
        })
        .collect();
    let text = serde_json::to_vec_pretty(&entries).context("describe the processes")?;
    fs::write(directory.join("processes.json"), text).context("write processes.json")
}

/// The command as a person would type it.
fn shell_line(binary: &Path, arguments: &[String]) -> String {
    let plain = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c))
    };
    let mut line = binary.display().to_string();
    for argument in arguments {
        line.push(' ');
        if !argument.is_empty() && plain(argument) {
            line.push_str(argument);
        } else {
            line.push_str(&format!("'{}'", argument.replace('\'', r"'\''")));
        }
    }
    line
}

/// The end of a log, for an error message.
fn tail(log: &Path) -> String {
    let Ok(mut file) = File::open(log) else {
        return String::from("(no log)");
    };
    use std::io::{Read, Seek, SeekFrom};
    let length = file.metadata().map(|metadata| metadata.len()).unwrap_or(0);
    let start = length.saturating_sub(TAIL_BYTES_MAX as u64);
    let mut bytes = Vec::with_capacity(TAIL_BYTES_MAX);
    let read = file
        .seek(SeekFrom::Start(start))
        .and_then(|_| file.read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(log unreadable: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let arguments = [
            "miner",
            "--hotkey",
            "//Dave//hotkey",
            "--canned",
            "Don't ask.",
        ];
        let line = shell_line(Path::new("stoa"), &arguments.map(String::from));
        assert_eq!(
            line,
            r"stoa miner --hotkey //Dave//hotkey --canned 'Don'\''t ask.'"
        );
    }
}
