//! Reads archives of any program, trusted or not.

use std::io::{self, Read};

use super::header::{self, Fields};
use super::pax::{self, Extended};
use super::sparse::{self, SEGMENTS_MAX, Segment};
use super::{BLOCK, Entry, Kind, Time, padding};
use crate::error::Damage;

/// Size limit of an extended header, in bytes: many times as much as all attributes of a file need.
const EXTENDED_MAX: u64 = 1 << 24;

/// An entry, and how its content is stored.
#[derive(Debug)]
pub struct Found {
    /// The entry.
    pub entry: Entry,
    /// Segments of a sparse file. Their contents follow in this order.
    pub sparse: Option<Vec<Segment>>,
    /// Keyword of attributes in a form that this crate doesn't read.
    pub unread: Option<&'static str>,
}

/// Reads one entry after the other. [`Read`] gives the content of the current entry.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    position: u64,
    content: u64,
    padding: u64,
    global: Extended,
    begun: bool,
}

impl<R: Read> Reader<R> {
    /// Makes a reader of the archive in `input`, from its first byte.
    pub fn new(input: R) -> Self {
        Self { input, position: 0, content: 0, padding: 0, global: Extended::default(), begun: false }
    }

    /// Returns the next entry, or `None` at the end of the archive.
    ///
    /// # Errors
    /// [`Damage`] if the archive is damaged or can't be read. The reader can't go
    /// on after an error.
    pub fn next_entry(&mut self) -> Result<Option<Found>, Damage> {
        self.skip(self.content + self.padding)?;
        (self.content, self.padding) = (0, 0);
        let mut extended = self.global.clone();
        let mut long_name = None;
        let mut long_link = None;
        let mut pending = false;
        loop {
            let at = self.position;
            let nonsense = |what| Damage::Nonsense { what, at };
            let block = self.block()?;
            if block == [0; BLOCK] {
                // Programs differ in what follows: another block of zeros, or nothing.
                return if pending { Err(Damage::CutOff) } else { self.end() };
            }
            if !header::is_whole(&block) {
                return Err(if self.begun { nonsense("a checksum is wrong") } else { Damage::NotTar });
            }
            self.begun = true;
            let fields = header::decode(&block).map_err(nonsense)?;
            match fields.kind {
                b'x' | b'X' => extended.read(&self.whole(fields.size)?).map_err(nonsense)?,
                b'g' => {
                    let records = self.whole(fields.size)?;
                    self.global.read(&records).map_err(nonsense)?;
                    extended.read(&records).map_err(nonsense)?;
                }
                b'L' => long_name = Some(without_nul(self.whole(fields.size)?)),
                b'K' => long_link = Some(without_nul(self.whole(fields.size)?)),
                // The label of a volume.
                b'V' => {
                    self.skip(fields.size)?;
                    self.skip(padding(fields.size))?;
                    continue;
                }
                b'M' => return Err(nonsense("it goes on in another volume")),
                _ => {
                    extended.name = extended.name.or(long_name);
                    extended.link = extended.link.or(long_link);
                    return self.entry(&block, fields, extended, at).map(Some);
                }
            }
            pending |= fields.kind != b'g';
        }
    }

    fn entry(
        &mut self,
        block: &[u8; BLOCK],
        fields: Fields,
        extended: Extended,
        at: u64,
    ) -> Result<Found, Damage> {
        let nonsense = |what| Damage::Nonsense { what, at };
        let mut name = extended.sparse_name.clone().or(extended.name.clone()).unwrap_or(fields.name);
        let is_directory = name.last() == Some(&b'/');
        while name.last() == Some(&b'/') {
            name.pop();
        }
        let link = extended.link.clone().unwrap_or(fields.link);
        let kind = match fields.kind {
            // Before POSIX only a slash at the end marked a directory.
            b'\0' | b'0' if is_directory => Kind::Directory,
            b'\0' | b'0' | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink(link),
            b'2' => Kind::Symlink(link),
            b'3' => Kind::Character(fields.major, fields.minor),
            b'4' => Kind::Block(fields.major, fields.minor),
            b'5' | b'D' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => Kind::Unknown(other),
        };
        let mut size = extended.size.unwrap_or(fields.size);
        // All readers agree that these types have no content, even if the header has a size.
        if matches!(fields.kind, b'1'..=b'6') {
            size = 0;
        }
        (self.content, self.padding) = (size, padding(size));
        size.checked_add(self.padding).ok_or_else(|| nonsense("a size"))?;

        let mut sparse = None;
        if kind == Kind::File {
            if fields.kind == b'S' {
                let (map, whole) = self.old_map(block).map_err(|damage| damage.unwrap_or(nonsense(MAP)))?;
                (sparse, size) = (Some(map), whole);
            } else if extended.sparse_version == (1, 0) {
                let map = self.map_in_content().map_err(|damage| damage.unwrap_or(nonsense(MAP)))?;
                sparse = Some(map);
            } else if extended.sparse_size.is_some() || !extended.sparse_map.is_empty() {
                sparse = Some(extended.sparse_map);
            }
            if let Some(map) = &sparse {
                size = extended.sparse_size.unwrap_or(size);
                if !sparse::is_sound(map, size, self.content) {
                    return Err(nonsense(MAP));
                }
            }
        } else {
            size = 0;
        }
        let id = |id: u64| u32::try_from(id).ok().filter(|&id| id != u32::MAX);
        let entry = Entry {
            name,
            kind,
            mode: fields.mode,
            uid: id(extended.uid.unwrap_or(fields.uid)).ok_or_else(|| nonsense("an owner"))?,
            gid: id(extended.gid.unwrap_or(fields.gid)).ok_or_else(|| nonsense("a group"))?,
            size,
            modified: extended.modified.unwrap_or(Time { seconds: fields.seconds, nanoseconds: 0 }),
            attributes: extended.attributes,
        };
        Ok(Found { entry, sparse, unread: extended.unread })
    }

    /// Reads the map of a sparse file in GNU tar's oldest form, behind the header. An error without
    /// damage means that the map is invalid.
    fn old_map(&mut self, block: &[u8; BLOCK]) -> Result<(Vec<Segment>, u64), Option<Damage>> {
        let number = |field: &[u8]| header::number(field).and_then(|number| u64::try_from(number).ok());
        let mut map = Vec::new();
        let mut take = |entries: &[u8]| -> Option<()> {
            for entry in entries.chunks_exact(24) {
                let (offset, len) = entry.split_at(12);
                if len.iter().all(|&byte| byte == 0) && offset.iter().all(|&byte| byte == 0) {
                    break;
                }
                map.push(Segment { offset: number(offset)?, len: number(len)? });
            }
            (map.len() as u64 <= SEGMENTS_MAX).then_some(())
        };
        take(&block[386..482]).ok_or(None)?;
        let whole = number(&block[483..495]).ok_or(None)?;
        let mut goes_on = block[482] != 0;
        while goes_on {
            let more = self.block().map_err(Some)?;
            take(&more[..504]).ok_or(None)?;
            goes_on = more[504] != 0;
        }
        Ok((map, whole))
    }

    /// Reads the map of a sparse file in form 1.0: decimal lines before the content.
    fn map_in_content(&mut self) -> Result<Vec<Segment>, Option<Damage>> {
        let mut lines = Lines { reader: self, block: [0; BLOCK], at: BLOCK };
        let count = lines.number()?;
        if count > SEGMENTS_MAX {
            return Err(None);
        }
        let mut map = Vec::new();
        for _ in 0..count {
            map.push(Segment { offset: lines.number()?, len: lines.number()? });
        }
        Ok(map)
    }

    /// Reads the whole content of a header.
    fn whole(&mut self, size: u64) -> Result<Vec<u8>, Damage> {
        if size > EXTENDED_MAX {
            return Err(Damage::Nonsense { what: "an extended header is too long", at: self.position });
        }
        let mut bytes = vec![0; size as usize];
        self.fill(&mut bytes)?;
        self.skip(padding(size))?;
        Ok(bytes)
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Damage> {
        let mut block = [0; BLOCK];
        if self.begun {
            return self.fill(&mut block).map(|()| block);
        }
        // A file shorter than a block is no archive. A decoder reports a truncated file itself.
        let mut first = Vec::new();
        self.input.by_ref().take(BLOCK as u64).read_to_end(&mut first)?;
        self.position += first.len() as u64;
        first.try_into().map_err(|_| Damage::NotTar)
    }

    /// Reads the rest of the input, so that its writer gets no SIGPIPE, and the checksum of a
    /// compressed archive is checked.
    fn end(&mut self) -> Result<Option<Found>, Damage> {
        io::copy(&mut self.input, &mut io::sink())?;
        Ok(None)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Damage> {
        self.input.read_exact(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn skip(&mut self, count: u64) -> Result<(), Damage> {
        let skipped = io::copy(&mut self.input.by_ref().take(count), &mut io::sink())?;
        self.position += skipped;
        if skipped == count { Ok(()) } else { Err(Damage::CutOff) }
    }
}

const MAP: &str = "a sparse file's map";

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.content).unwrap_or(usize::MAX).min(out.len());
        let count = self.input.read(&mut out[..most])?;
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.content -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

/// Lines at the start of an entry's content. They fill whole blocks.
struct Lines<'a, R> {
    reader: &'a mut Reader<R>,
    block: [u8; BLOCK],
    at: usize,
}

impl<R: Read> Lines<'_, R> {
    fn number(&mut self) -> Result<u64, Option<Damage>> {
        let mut digits = Vec::new();
        loop {
            if self.at == BLOCK {
                self.reader.content = self.reader.content.checked_sub(BLOCK as u64).ok_or(None)?;
                self.block = self.reader.block().map_err(Some)?;
                self.at = 0;
            }
            let byte = self.block[self.at];
            self.at += 1;
            match byte {
                b'\n' => return pax::number(&digits).ok_or(None),
                _ if digits.len() < 20 => digits.push(byte),
                _ => return Err(None),
            }
        }
    }
}

fn without_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(end);
    }
    bytes
}
