package dev.stowage.csi;

import io.grpc.stub.StreamObserver;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import pluginregistration.v1.InfoRequest;
import pluginregistration.v1.PluginInfo;
import pluginregistration.v1.RegistrationGrpc;
import pluginregistration.v1.RegistrationStatus;
import pluginregistration.v1.RegistrationStatusResponse;

/// What the kubelet asks a plugin that it has found.
public final class RegistrationService extends RegistrationGrpc.RegistrationImplBase {
    private static final Logger LOG = LoggerFactory.getLogger(RegistrationService.class);

    /// The kubelet's word for a CSI driver (pluginregistration/v1/constants.go).
    private static final String TYPE = "CSIPlugin";

    /// The kubelet wants a version of CSI of which it looks at the major part only.
    private static final String VERSION = "1.0.0";

    private final PluginInfo plugin;
    private final Consumer<String> refused;

    /// @param endpoint the path of the driver's socket on the host
    /// @param refused told why the kubelet does not want the driver, after it has its answer
    public RegistrationService(String driver, String endpoint, Consumer<String> refused) {
        this.plugin =
                PluginInfo.newBuilder()
                        .setType(TYPE)
                        .setName(driver)
                        .setEndpoint(endpoint)
                        .addSupportedVersions(VERSION)
                        .build();
        this.refused = refused;
    }

    @Override
    public void getInfo(InfoRequest request, StreamObserver<PluginInfo> observer) {
        new OneReply<>(observer).of(() -> plugin);
    }

    @Override
    public void notifyRegistrationStatus(
            RegistrationStatus status, StreamObserver<RegistrationStatusResponse> observer) {
        log(status);
        new OneReply<>(observer).of(RegistrationStatusResponse::getDefaultInstance);
        if (!status.getPluginRegistered()) {
            refused.accept(status.getError());
        }
    }

    private void log(RegistrationStatus status) {
        if (status.getPluginRegistered()) {
            LOG.info("the kubelet has registered {}", plugin.getName());
        } else {
            LOG.error(
                    "the kubelet refuses {} at {}: {}",
                    plugin.getName(),
                    plugin.getEndpoint(),
                    status.getError());
        }
    }
}
