//! Archives that no honest program writes.

/// An archive under construction: headers and content, block by block.
#[derive(Clone, Default)]
pub(crate) struct Forged(Vec<u8>);

impl Forged {
    /// Adds an entry of this type, with nothing checked.
    pub(crate) fn entry(mut self, kind: u8, name: &[u8], link: &[u8], content: &[u8]) -> Self {
        let mut block = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
        put(0, &name[..name.len().min(100)]);
        put(100, b"0000644\x000000000\x000000000\x00");
        put(124, format!("{:011o}\0{:011o}\0", content.len(), 1_700_000_000).as_bytes());
        put(148, b"        ");
        put(156, &[kind]);
        put(157, &link[..link.len().min(100)]);
        put(257, b"ustar\x0000");
        put(329, b"0000001\x000000003\x00");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(block);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.entry(b'0', name.as_bytes(), b"", content.as_bytes())
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(b'5', name.as_bytes(), b"", b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name.as_bytes(), target.as_bytes(), b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name.as_bytes(), target.as_bytes(), b"")
    }

    /// Adds an extended header with one record for the next entry.
    pub(crate) fn extended(self, keyword: &str, value: &[u8]) -> Self {
        let rest = keyword.len() + value.len() + 3;
        let len = (rest..).find(|len| len - len.to_string().len() == rest).expect("a length");
        let mut record = format!("{len} {keyword}=").into_bytes();
        record.extend(value);
        record.push(b'\n');
        self.entry(b'x', b"PaxHeader", b"", &record)
    }

    /// Returns the archive's bytes with the end mark.
    pub(crate) fn end(self) -> Vec<u8> {
        let mut bytes = self.0;
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    /// Returns the bytes so far, without an end mark.
    pub(crate) fn without_end(self) -> Vec<u8> {
        self.0
    }
}
