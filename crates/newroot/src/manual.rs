//! The manual pages, made from the definitions that parse the command line.

use std::io::{self, Write};

use clap::{Arg, Command};
use clap_mangen::Man;

use crate::dialects::{chroot, native, proot};

/// Source that every page names. newroot recognizes its own pages by it.
const SOURCE: &str = concat!("newroot ", env!("CARGO_PKG_VERSION"));

/// One manual page.
#[derive(Debug)]
pub(crate) struct Page {
    /// File name.
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
}

/// Returns `newroot.1` and a page for each command and dialect.
///
/// # Errors
/// Fails if a text after the options isn't made of sections.
pub(crate) fn pages() -> io::Result<Vec<Page>> {
    let mut command = native::command().disable_help_subcommand(true);
    // Gives each subcommand its full name.
    command.build();
    let mut pages = vec![page(&command)?];
    for subcommand in command.get_subcommands() {
        pages.push(page(subcommand)?);
    }
    Ok(pages)
}

/// Returns the pages of the dialects under the names of their links: `proot.1` and `chroot.1`.
///
/// # Errors
/// Fails if a text after the options isn't made of sections.
pub(crate) fn pages_of_links() -> io::Result<Vec<Page>> {
    [proot::command(), chroot::command()].iter().map(page).collect()
}

/// Returns whether a file that begins with `text` is a manual page of any version of newroot.
pub(crate) fn is_page(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| line.starts_with(".TH ") && line.contains("\"newroot "))
}

fn page(command: &Command) -> io::Result<Page> {
    let page = Man::new(command.clone().mut_args(with_all_names)).source(SOURCE).manual("User Commands");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    let is_main = command.has_subcommands();
    if is_main {
        page.render_subcommands_section(&mut text)?;
    }
    let extra = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for section in extra.split("\n\n").filter(|section| !section.is_empty()) {
        write_section(section, &mut text)?;
    }
    if !is_main {
        writeln!(text, ".SH \"SEE ALSO\"\nnewroot(1)")?;
    }
    Ok(Page { name: page.get_filename(), text: ascii(&String::from_utf8_lossy(&text)).into_bytes() })
}

/// Returns `text` with an escape for each character beyond ASCII, which formatters read in
/// different encodings.
fn ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            escaped.push_str(&format!("\\[u{:04X}]", u32::from(character)));
        }
    }
    escaped
}

/// Returns the argument with its aliases in its help: the generator leaves them out.
fn with_all_names(argument: Arg) -> Arg {
    let letters = argument.get_visible_short_aliases().unwrap_or_default();
    let words = argument.get_visible_aliases().unwrap_or_default();
    let letters = letters.into_iter().map(|letter| format!("-{letter}"));
    let names: Vec<_> = letters.chain(words.into_iter().map(|word| format!("--{word}"))).collect();
    if names.is_empty() {
        return argument;
    }
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    argument.help(format!("{help} (also {})", names.join(", ")))
}

/// Writes a part of the text that follows the options in the help: a heading with a colon, and
/// indented lines.
fn write_section(section: &str, out: &mut impl Write) -> io::Result<()> {
    let Some((heading, body)) = section.split_once(":\n") else {
        return Err(io::Error::other(format!("this has no heading: {section}")));
    };
    let is_verbatim = heading == "Examples";
    writeln!(out, ".SH \"{}\"", heading.to_uppercase())?;
    if is_verbatim {
        writeln!(out, ".nf")?;
    }
    for line in body.lines() {
        let line = line.strip_prefix("  ").unwrap_or(line);
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let line = if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line };
        writeln!(out, "{line}")?;
    }
    if is_verbatim {
        writeln!(out, ".fi")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> String {
        let mut out = Vec::new();
        write_section(text, &mut out).expect("memory can be written to");
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn examples_keep_their_lines() {
        assert_eq!(
            section("Examples:\n  a -b   c\n  .x \\:"),
            ".SH \"EXAMPLES\"\n.nf\na \\-b   c\n\\&.x \\e:\n.fi\n"
        );
    }

    #[test]
    fn prose_is_filled() {
        assert_eq!(section("Exit status:\n  It is\n  so."), ".SH \"EXIT STATUS\"\nIt is\nso.\n");
    }

    #[test]
    fn aliases_are_named() {
        let argument = Arg::new("x").help("Do").short('x').visible_short_alias('y').visible_alias("why");
        let help = with_all_names(argument).get_help().map(ToString::to_string);
        assert_eq!(help.as_deref(), Some("Do (also -y, --why)"));
    }

    #[test]
    fn characters_beyond_ascii_are_escaped() {
        assert_eq!(ascii("1, 2 \u{2026} a"), "1, 2 \\[u2026] a");
    }

    #[test]
    fn every_command_has_a_page() {
        let pages = pages().expect("the texts are made of sections");
        let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
        for name in [
            "newroot.1",
            "newroot-run.1",
            "newroot-init.1",
            "newroot-add.1",
            "newroot-export.1",
            "newroot-import.1",
            "newroot-doctor.1",
            "newroot-completions.1",
            "newroot-man.1",
            "newroot-links.1",
            "newroot-proot.1",
            "newroot-chroot.1",
        ] {
            assert!(names.contains(&name), "{name} is missing in {names:?}");
        }
        assert!(pages.iter().all(|page| is_page(&page.text)));
    }

    #[test]
    fn links_have_pages_of_their_own_names() {
        let pages = pages_of_links().expect("the texts are made of sections");
        let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
        assert_eq!(names, ["proot.1", "chroot.1"]);
        for page in &pages {
            assert!(is_page(&page.text));
            let text = String::from_utf8_lossy(&page.text);
            let name = page.name.trim_end_matches(".1");
            assert!(text.contains(&format!(".SH NAME\n{name} \\- ")), "{text}");
        }
    }

    #[test]
    fn pages_of_others_are_not_ours() {
        assert!(!is_page(b".TH CHROOT \"1\" \"September 2022\" \"GNU coreutils 9.1\" \"User Commands\"\n"));
        assert!(!is_page(b"notes on newroot\n"));
    }
}
