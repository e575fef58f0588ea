package dev.stowage.serve;

import dev.stowage.volume.Reason;
import dev.stowage.volume.VolumeException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/// Threads for RPCs. They block in system calls, so they are platform threads: an idle one is used
/// again, a new one is made when none is idle, and what comes when there are many enough waits.
final class RpcThreads {
    /// Far more than one node's kubelet and sidecars use at once.
    private static final int MAX = 64;

    private static final int WAITING = 4096;
    private static final int IDLE_SECONDS = 30;

    private RpcThreads() {}

    static ExecutorService make() {
        var waiting = new HandOver();
        return new ThreadPoolExecutor(
                1,
                MAX,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                waiting,
                Thread.ofPlatform().name("rpc-", 0).daemon(true).factory(),
                (task, _) -> waiting.queue(task));
    }

    /// A queue that takes a task only if an idle thread takes it over at once. ThreadPoolExecutor
    /// then makes a new thread, and when it has made them all it rejects the task: which queues it.
    private static final class HandOver extends LinkedTransferQueue<Runnable> {
        private static final long serialVersionUID = 1;

        @Override
        public boolean offer(Runnable task) {
            return tryTransfer(task);
        }

        void queue(Runnable task) {
            if (size() >= WAITING) {
                throw new VolumeException(
                        Reason.UNAVAILABLE,
                        "more than %d calls are waiting: retry later".formatted(WAITING));
            }
            put(task);
        }
    }
}
