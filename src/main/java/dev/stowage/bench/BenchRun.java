package dev.stowage.bench;

import dev.stowage.client.CsiClient;
import dev.stowage.lab.DriverProcess;
import dev.stowage.lab.Narration;
import dev.stowage.lab.Stopwatch;
import dev.stowage.lab.Workplace;
import dev.stowage.volume.FileSystemType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The benchmark, from the first start of the driver to the last line of the report.
final class BenchRun {
    static final int LANES = 8;

    private static final long VOLUME_BYTES = 1L << 30;

    /// Each lane has one volume at a time; what was deleted is erased a little later.
    static final Workplace.Needs NEEDS =
            new Workplace.Needs(
                    "bench", Optional.of(FileSystemType.EXT4), 2 * LANES * VOLUME_BYTES);

    private static final int STARTS = 5;
    private static final String NODE = "bench";

    private final Workplace place;
    private final Narration narration;
    private final Rounds rounds;

    /// How many lives of each kind, altogether.
    record Rounds(int measured, int warmUp) {
        /// Rounds for so many lanes: each round is one life in each lane.
        Rounds in(int lanes) {
            return new Rounds(Math.ceilDiv(measured, lanes), Math.ceilDiv(warmUp, lanes));
        }
    }

    BenchRun(Workplace place, Narration narration, Rounds rounds) {
        this.place = place;
        this.narration = narration;
        this.rounds = rounds;
    }

    void run() throws IOException {
        var config = writeConfig();
        var programs = BenchPrograms.unpack(place.makeFolder("programs"));
        var report = new BenchReport(narration, programs.program().isPresent());
        report.head(place, rounds);
        var start = medianStart(config);
        try (var driver = startDriver(config)) {
            var alone = race(driver, programs, 1);
            var together = race(driver, programs, LANES);
            report.table(alone, together);
            report.steps(BenchPrograms.durableSteps());
            report.started(start, STARTS);
            report.memory("after the lives", driver.residentBytes());
            var sanity = Sanity.find();
            if (sanity.isEmpty()) {
                narration.say("csi-sanity is not installed, so nothing was measured after it");
                return;
            }
            report.memory(
                    "after " + sanity.get().run(driver.socket(), place), driver.residentBytes());
        }
    }

    private Path writeConfig() throws IOException {
        return Files.writeString(
                place.folder().resolve("stowage.yaml"),
                """
                attach: true
                state: %s
                pools:
                  bench: {type: file, path: %s, shared: true, filesystem: xfs}
                """
                        .formatted(place.makeFolder("state"), place.makeFolder("pool")));
    }

    private DriverProcess startDriver(Path config) throws IOException {
        return DriverProcess.start(place.folder(), config, NODE);
    }

    private Duration medianStart(Path config) throws IOException {
        var times = new ArrayList<Duration>();
        for (var i = 0; i < STARTS; i++) {
            try (var driver = startDriver(config)) {
                times.add(driver.startedIn());
            }
        }
        times.sort(Duration::compareTo);
        return times.get(STARTS / 2);
    }

    private Stopwatch race(DriverProcess driver, BenchPrograms programs, int lanes)
            throws IOException {
        var contestants = new ArrayList<List<Contestant>>();
        try {
            for (var lane = 0; lane < lanes; lane++) {
                contestants.add(lane(driver, programs, place.makeFolder("lane-" + lane)));
            }
            var race = new Race(contestants);
            var counted = rounds.in(lanes);
            var _ = race.run("warm-%d".formatted(lanes), counted.warmUp());
            return race.run("life-%d".formatted(lanes), counted.measured());
        } finally {
            for (var lane : contestants) {
                for (var contestant : lane) {
                    contestant.close();
                }
            }
        }
    }

    private static List<Contestant> lane(DriverProcess driver, BenchPrograms programs, Path folder)
            throws IOException {
        var lane = new ArrayList<Contestant>();
        lane.add(
                new DriverContestant(
                        new CsiClient(driver.socket()),
                        NODE,
                        folder.resolve("driver"),
                        VOLUME_BYTES));
        lane.add(programs.shell(folder.resolve("shell"), VOLUME_BYTES));
        programs.program(folder.resolve("program"), VOLUME_BYTES).ifPresent(lane::add);
        return lane;
    }
}
