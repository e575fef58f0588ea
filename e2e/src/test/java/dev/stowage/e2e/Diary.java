package dev.stowage.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

/// A pod that writes the numbers from 1 on into a file of its volume, each one durable before the
/// next, and notes elsewhere which it could not write.
record Diary(Story story, String pod) {
    private static final String SCRIPT =
            """
            i=0; while true; do i=$((i + 1)); \
            echo $i | dd of=/data/diary oflag=append conv=notrunc,fsync 2>/dev/null || echo $i >>/failed; \
            usleep 20000; done""";

    /// Begins one in a pod of that name, on the claim of that name.
    static Diary begin(Story story, String pod, String claim, String node) {
        story.apply(Manifests.pod(pod, claim, node, SCRIPT));
        story.podIsReady(pod);
        return new Diary(story, pod);
    }

    long written() throws Exception {
        return Long.parseLong(
                story.inPod(pod, "sh", "-c", "tail -n 1 /data/diary 2>/dev/null || echo 0")
                        .strip());
    }

    /// Waits until it has gone on; it must have been writing all the time, without one failure.
    void isComplete() throws Exception {
        var before = written();
        Polling.until(Duration.ofMinutes(1), () -> written() > before + 5, "the pod writes on");
        assertThat(story.inPod(pod, "sh", "-c", "cat /failed 2>/dev/null; true"))
                .as("numbers that could not be written")
                .isEmpty();
        assertThat(story.inPod(pod, "awk", "$1 != NR {print NR; exit}", "/data/diary"))
                .as("first line that is not its own number")
                .isEmpty();
    }
}
