//! The smallest program: it exits with [`STATUS`].

use super::raw;

/// Exit status of the program.
pub(super) const STATUS: i32 = 42;

/// Load address: that of the shim, which the host must allow, too.
const ADDRESS: u64 = 0x7000_0000;
/// Load address inside newroot, where the shim has its own address already.
const BESIDE: u64 = 0x6000_0000;

/// `exit(42)`
#[cfg(target_arch = "x86_64")]
const CODE: [u8; 12] = [
    0xb8, 60, 0, 0, 0, // mov eax, 60
    0xbf, 42, 0, 0, 0, // mov edi, 42
    0x0f, 0x05, // syscall
];
/// `exit(42)`
#[cfg(target_arch = "aarch64")]
const CODE: [u8; 12] = [
    0xa8, 0x0b, 0x80, 0xd2, // mov x8, #93
    0x40, 0x05, 0x80, 0xd2, // mov x0, #42
    0x01, 0x00, 0x00, 0xd4, // svc #0
];

/// EM_X86_64
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
/// EM_AARCH64
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

const HEADER: u16 = 64;
const SEGMENT: u16 = 56;

/// Returns the program as a file: an ELF header, one segment with the whole file, the code.
pub(super) fn image() -> Vec<u8> {
    let address = if raw::is_free(ADDRESS as usize) { ADDRESS } else { BESIDE };
    let code_offset = u64::from(HEADER + SEGMENT);
    let size = code_offset + CODE.len() as u64;
    let mut file = Vec::new();
    // 64 bits, little-endian, version 1, System V.
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend(2_u16.to_le_bytes()); // e_type: ET_EXEC
    file.extend(MACHINE.to_le_bytes()); // e_machine
    file.extend(1_u32.to_le_bytes()); // e_version
    file.extend((address + code_offset).to_le_bytes()); // e_entry
    file.extend(u64::from(HEADER).to_le_bytes()); // e_phoff
    file.extend(0_u64.to_le_bytes()); // e_shoff
    file.extend(0_u32.to_le_bytes()); // e_flags
    file.extend(HEADER.to_le_bytes()); // e_ehsize
    file.extend(SEGMENT.to_le_bytes()); // e_phentsize
    file.extend(1_u16.to_le_bytes()); // e_phnum
    file.extend([0; 6]); // no sections

    file.extend(1_u32.to_le_bytes()); // p_type: PT_LOAD
    file.extend(5_u32.to_le_bytes()); // p_flags: readable, executable
    file.extend(0_u64.to_le_bytes()); // p_offset
    file.extend(address.to_le_bytes()); // p_vaddr
    file.extend(address.to_le_bytes()); // p_paddr
    file.extend(size.to_le_bytes()); // p_filesz
    file.extend(size.to_le_bytes()); // p_memsz
    file.extend(4096_u64.to_le_bytes()); // p_align
    file.extend(CODE);
    file
}
