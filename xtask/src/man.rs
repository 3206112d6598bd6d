//! The manual pages, made from the definitions that parse the command line.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use clap::{Arg, Command};
use clap_mangen::Man;

use crate::{Outcome, output_directory};

/// Writes `newroot.1` and one page a subcommand.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let directory = output_directory(arguments)?;
    let mut command = newroot::dialects::native::command().disable_help_subcommand(true);
    // Gives each subcommand its full name.
    command.build();
    write_page(&command, &directory)?;
    for subcommand in command.get_subcommands() {
        write_page(subcommand, &directory)?;
    }
    Ok(())
}

fn write_page(command: &Command, directory: &Path) -> io::Result<()> {
    let page = Man::new(command.clone().mut_args(with_all_names))
        .source(concat!("newroot ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut file = io::BufWriter::new(File::create(directory.join(page.get_filename()))?);
    page.render_title(&mut file)?;
    page.render_name_section(&mut file)?;
    page.render_synopsis_section(&mut file)?;
    page.render_description_section(&mut file)?;
    page.render_options_section(&mut file)?;
    let is_main = command.has_subcommands();
    if is_main {
        page.render_subcommands_section(&mut file)?;
    }
    let extra = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for section in extra.split("\n\n").filter(|section| !section.is_empty()) {
        write_section(section, &mut file)?;
    }
    if !is_main {
        writeln!(file, ".SH \"SEE ALSO\"\nnewroot(1)")?;
    }
    file.flush()
}

/// An argument whose help names its aliases: the generator leaves them out.
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
    fn every_command_has_a_page() {
        let directory = std::env::temp_dir().join(format!("newroot-man-{}", std::process::id()));
        run(vec![directory.clone().into()]).expect("the pages can be written");
        let written = |name: &str| directory.join(name).is_file();
        let names = [
            "newroot.1",
            "newroot-run.1",
            "newroot-init.1",
            "newroot-export.1",
            "newroot-import.1",
            "newroot-doctor.1",
            "newroot-proot.1",
            "newroot-chroot.1",
        ];
        let missing: Vec<_> = names.into_iter().filter(|name| !written(name)).collect();
        std::fs::remove_dir_all(&directory).expect("it can be removed");
        assert_eq!(missing, [""; 0]);
    }
}
