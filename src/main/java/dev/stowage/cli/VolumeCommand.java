package dev.stowage.cli;

import picocli.CommandLine.Command;

/// `stowage volume`: what is done with single volumes by hand.
@Command(
        name = "volume",
        description =
                "Bring volumes into a pool and take copies out, whether or not the driver runs.",
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
        subcommands = {VolumeImport.class, VolumeExport.class})
public final class VolumeCommand {}
