//! Reads an answer's events out of bytes as the network cuts them, whatever a miner sends.
//!
//! # What always holds
//!
//! * Every byte is looked at a fixed number of times, however the bytes are cut: a line of many mebibytes in pieces of one
//!   byte costs no more than the same line at once.
//! * No more than one event is in memory, of at most [`EVENT_BYTES_MAX`]; a whole answer is at most [`WIRE_BYTES_MAX`].
//!
//! Of the server-sent events format it reads what [`crate::AnswerWriter`] and any correct writer send: lines ended by `\n` or
//! `\r\n`, the fields `event` and `data`, comments, and events closed by an empty line. Other fields mean nothing here.

use std::mem;

use bytes::Bytes;

use crate::{AnswerError, EVENT_BYTES_MAX, Part, WIRE_BYTES_MAX};

/// Bytes in, parts of an answer out.
#[derive(Debug, Default)]
pub struct PartReader {
    /// Fed and not looked at.
    unread: Bytes,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The event so far.
    name: String,
    data: Option<String>,
    /// Bytes fed so far.
    fed: usize,
}

impl PartReader {
    /// Takes the next bytes; to be called when [`Self::next_part`] has nothing more.
    ///
    /// # Errors
    ///
    /// [`AnswerError::Unreadable`] if there are more than any answer has.
    pub fn feed(&mut self, bytes: Bytes) -> Result<(), AnswerError> {
        self.fed = self.fed.saturating_add(bytes.len());
        if WIRE_BYTES_MAX < self.fed {
            let reason = format!("more than {WIRE_BYTES_MAX} bytes");
            return Err(AnswerError::Unreadable(reason));
        }
        self.unread = match self.unread.is_empty() {
            true => bytes,
            false => Bytes::from([mem::take(&mut self.unread), bytes].concat()),
        };
        Ok(())
    }

    /// The next part that is complete; `None` when more bytes are needed.
    pub fn next_part(&mut self) -> Option<Result<Part, AnswerError>> {
        while !self.unread.is_empty() {
            let end = self.unread.iter().position(|byte| *byte == b'\n');
            let piece = match end {
                Some(at) => self.unread.split_to(at + 1),
                None => mem::take(&mut self.unread),
            };
            let data = self.data.as_ref().map_or(0, String::len);
            if EVENT_BYTES_MAX < self.line.len() + data + piece.len() {
                let reason = format!("an event of more than {EVENT_BYTES_MAX} bytes");
                return Some(Err(AnswerError::Unreadable(reason)));
            }
            self.line.extend_from_slice(&piece);
            end?;
            let line = mem::take(&mut self.line);
            if let Some(part) = self.take_line(&line).transpose() {
                return Some(part);
            }
        }
        None
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Part>, AnswerError> {
        let line = std::str::from_utf8(line)
            .map_err(|_| AnswerError::Unreadable("what is not UTF-8".into()))?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            let name = mem::take(&mut self.name);
            let data = self.data.take();
            return data.map(|data| Part::read(&name, &data)).transpose();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("event", _) => self.name = value.to_owned(),
            ("data", None) => self.data = Some(value.to_owned()),
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn parts(wire: &[u8], size: usize) -> Vec<Result<Part, AnswerError>> {
        let mut reader = PartReader::default();
        let mut parts = Vec::new();
        for piece in wire.chunks(size) {
            if let Err(error) = reader.feed(Bytes::copy_from_slice(piece)) {
                parts.push(Err(error));
            }
            while parts.last().is_none_or(|part: &Result<_, _>| part.is_ok())
                && let Some(part) = reader.next_part()
            {
                parts.push(part);
            }
            if parts.last().is_some_and(Result::is_err) {
                break;
            }
        }
        parts
    }

    #[test]
    fn events_are_read_however_they_are_cut_and_whatever_else_is_between() {
        let wire = ": a comment\r\n\r\nid: 3\nevent: receipt\n\ndata: {\"id\":\"\u{e9}\",\"object\":\"o\",\r\n\
            data:\"created\":1,\"model\":\"m\"}\n\ndata: [DONE]\n\ndata: cut off";
        let whole = parts(wire.as_bytes(), wire.len());
        assert_eq!(whole.len(), 2, "{whole:?}");
        assert!(matches!(whole[0], Ok(Part::Chunk { .. })));
        assert_eq!(whole[1], Ok(Part::Done));
        for size in [1, 2, 3, 5] {
            assert_eq!(parts(wire.as_bytes(), size), whole);
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let endless = [b"data: ".as_slice(), &vec![b'x'; EVENT_BYTES_MAX]].concat();
        let many_lines =
            b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(EVENT_BYTES_MAX / 32);
        for wire in [endless, many_lines] {
            let read = parts(&wire, 4_096);
            assert!(matches!(read[..], [Err(AnswerError::Unreadable(_))]));
        }
    }

    #[test]
    fn an_answer_without_end_is_refused() {
        let comments = b": nothing to say, again and again\n\n".repeat(WIRE_BYTES_MAX / 32);
        let read = parts(&comments, 64 * 1024);
        assert!(matches!(read[..], [Err(AnswerError::Unreadable(_))]));
    }

    /// Looking at a line again for every byte that comes would take minutes here.
    #[test]
    fn a_long_line_in_small_pieces_costs_no_more_than_at_once() {
        let long = [b"data: ".as_slice(), &vec![b'x'; 1 << 20], b"\n\n"].concat();
        let empty_lines = vec![b'\n'; 4 << 20];
        let began = Instant::now();
        assert!(matches!(parts(&long, 1)[..], [Err(_)]));
        assert_eq!(parts(&empty_lines, 1 << 20), []);
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
    }
}
