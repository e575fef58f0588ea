package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import csi.v1.ControllerGetCapabilitiesRequest;
import csi.v1.GetPluginCapabilitiesRequest;
import csi.v1.GroupControllerGetCapabilitiesRequest;
import csi.v1.NodeGetCapabilitiesRequest;
import csi.v1.NodeGetInfoRequest;
import csi.v1.PluginCapability;
import dev.stowage.testing.NothingLeftBehind;
import dev.stowage.testing.RequiresRoot;
import dev.stowage.testing.TestDriver;
import dev.stowage.testing.TestFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What the driver advertises is what the README's table says, in both modes.
@RequiresRoot
@ExtendWith(NothingLeftBehind.class)
class CapabilitiesTest {
    private static final String HEAD =
            "| service | capability | `attach: false` | `attach: true` |";

    @TempDir(factory = TestFolder.class)
    private Path folder;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theTableOfTheReadmeIsAdvertised(boolean attach) throws Exception {
        try (var driver =
                attach ? TestDriver.central(folder, "n1") : TestDriver.local(folder, "n1")) {
            assertThat(advertised(driver, attach))
                    .containsExactlyInAnyOrderElementsOf(promised(attach));
            var info = driver.node().nodeGetInfo(NodeGetInfoRequest.getDefaultInstance());
            assertThat(info.getMaxVolumesPerNode()).isEqualTo(250);
        }
    }

    /// Each as `service NAME`.
    private static List<String> advertised(TestDriver driver, boolean attach) {
        var names = new ArrayList<String>();
        driver.identity()
                .getPluginCapabilities(GetPluginCapabilitiesRequest.getDefaultInstance())
                .getCapabilitiesList()
                .forEach(c -> names.add("plugin " + name(c)));
        driver.controller()
                .controllerGetCapabilities(ControllerGetCapabilitiesRequest.getDefaultInstance())
                .getCapabilitiesList()
                .forEach(c -> names.add("controller " + c.getRpc().getType()));
        driver.node()
                .nodeGetCapabilities(NodeGetCapabilitiesRequest.getDefaultInstance())
                .getCapabilitiesList()
                .forEach(c -> names.add("node " + c.getRpc().getType()));
        if (attach) {
            driver.groups()
                    .groupControllerGetCapabilities(
                            GroupControllerGetCapabilitiesRequest.getDefaultInstance())
                    .getCapabilitiesList()
                    .forEach(c -> names.add("group controller " + c.getRpc().getType()));
        }
        return names;
    }

    private static String name(PluginCapability capability) {
        return capability.hasService()
                ? capability.getService().getType().toString()
                : "VolumeExpansion " + capability.getVolumeExpansion().getType();
    }

    private static List<String> promised(boolean attach) throws Exception {
        var names = new ArrayList<String>();
        Files.readString(Path.of("README.md"))
                .lines()
                .dropWhile(line -> !line.equals(HEAD))
                .skip(2)
                .takeWhile(line -> line.startsWith("|"))
                .map(line -> Arrays.stream(line.split("\\|")).map(String::strip).toList())
                .filter(cells -> cells.get(attach ? 4 : 3).equals("yes"))
                .forEach(
                        cells -> {
                            for (var name : cells.get(2).replaceAll(" \\(.*\\)", "").split(", ")) {
                                names.add(cells.get(1) + " " + name);
                            }
                        });
        return names;
    }
}
