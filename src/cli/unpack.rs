//! Unpacks gzip and Zstandard in a thread of its own, ahead of who reads. Receives a packed reader, gives one that yields what is inside;
//! a damaged archive yields what comes before the damage, then the error.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::thread;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

/// Bytes handed over at a time.
const BLOCK: usize = 256 * 1024;
/// Blocks unpacked ahead.
const AHEAD: usize = 4;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Of one or more members.
    Gzip,
    /// Of one or more frames.
    Zstd,
}

impl Packing {
    /// What a file that begins like this is packed with.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The reader of what is inside `packed`.
pub(super) fn unpack(packing: Packing, packed: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let (blocks, received) = mpsc::sync_channel(AHEAD);
    thread::Builder::new().name("unpack".to_owned()).spawn(move || {
        let packed = BufReader::with_capacity(BLOCK, packed);
        let ended = match packing {
            Packing::Gzip => hand_over(&mut MultiGzDecoder::new(packed), &blocks),
            Packing::Zstd => frames(packed, &blocks),
        };
        if let Err(error) = ended {
            // Whoever reads may have gone.
            let _ = blocks.send(Err(error));
        }
    })?;
    Ok(Box::new(Unpacked { received, block: io::Cursor::default() }))
}

type Block = io::Result<Vec<u8>>;

/// Sends everything of `reader`.
fn hand_over(reader: &mut impl Read, blocks: &SyncSender<Block>) -> io::Result<()> {
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        let result = reader.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        let ended = block.is_empty();
        if !ended && blocks.send(Ok(block)).is_err() {
            return Ok(());
        }
        result?;
        if ended {
            return Ok(());
        }
    }
}

/// Frame after frame: a log that is packed piece by piece has many.
fn frames(mut packed: impl BufRead, blocks: &SyncSender<Block>) -> io::Result<()> {
    while !packed.fill_buf()?.is_empty() {
        let mut frame = StreamingDecoder::new(&mut packed).map_err(io::Error::other)?;
        hand_over(&mut frame, blocks)?;
    }
    Ok(())
}

struct Unpacked {
    received: Receiver<Block>,
    block: io::Cursor<Vec<u8>>,
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.block.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            match self.received.recv() {
                Ok(block) => self.block = io::Cursor::new(block?),
                Err(_) => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::CompressionLevel;
    use ruzstd::encoding::compress_to_vec;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inside(packed: Vec<u8>) -> (Vec<u8>, io::Result<()>) {
        let packing = Packing::of(&packed).unwrap();
        let mut reader = unpack(packing, Box::new(io::Cursor::new(packed))).unwrap();
        let mut text = Vec::new();
        let result = reader.read_to_end(&mut text).map(|_| ());
        (text, result)
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        let lines: Vec<u8> = (0..200_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        let (first, second) = lines.split_at(1_000_000);
        let zstd = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        for packed in [[gzip(first), gzip(second)], [zstd(first), zstd(second)]] {
            let (text, result) = inside(packed.concat());
            assert!(result.is_ok() && text == lines, "{result:?}, {} bytes", text.len());
        }
    }

    #[test]
    fn what_comes_before_the_damage_is_read() {
        let lines = "a line\n".repeat(200_000);
        let mut packed = gzip(lines.as_bytes());
        packed.truncate(packed.len() - 20);
        let (text, result) = inside(packed);
        assert!(result.is_err() && lines.as_bytes().starts_with(&text) && text.len() > 1000, "{} bytes", text.len());
    }
}
