package dev.stowage.csi;

import com.google.protobuf.BoolValue;
import csi.v1.GetPluginCapabilitiesRequest;
import csi.v1.GetPluginCapabilitiesResponse;
import csi.v1.GetPluginInfoRequest;
import csi.v1.GetPluginInfoResponse;
import csi.v1.IdentityGrpc;
import csi.v1.PluginCapability;
import csi.v1.PluginCapability.Service.Type;
import csi.v1.ProbeRequest;
import csi.v1.ProbeResponse;
import io.grpc.stub.StreamObserver;
import java.util.function.BooleanSupplier;

/// CSI's Identity service: who this driver is, what it can do, whether it is up.
public final class IdentityService extends IdentityGrpc.IdentityImplBase {
    private final String driver;
    private final String version;
    private final BooleanSupplier ready;
    private final BooleanSupplier snapshots;
    private final BooleanSupplier groups;
    private final BooleanSupplier blocks;

    /// @param driver the driver's name in Kubernetes; can't change once volumes exist
    /// @param ready false while the driver starts; the state of single pools does not count
    /// @param snapshots whether some pool can make snapshots
    /// @param groups whether there is a GroupController service
    /// @param blocks whether some pool can list blocks of snapshots
    public IdentityService(
            String driver,
            String version,
            BooleanSupplier ready,
            BooleanSupplier snapshots,
            BooleanSupplier groups,
            BooleanSupplier blocks) {
        this.driver = driver;
        this.version = version;
        this.ready = ready;
        this.snapshots = snapshots;
        this.groups = groups;
        this.blocks = blocks;
    }

    @Override
    public void getPluginInfo(
            GetPluginInfoRequest request, StreamObserver<GetPluginInfoResponse> observer) {
        new OneReply<>(observer)
                .of(
                        () ->
                                GetPluginInfoResponse.newBuilder()
                                        .setName(driver)
                                        .setVendorVersion(version)
                                        .build());
    }

    @Override
    public void getPluginCapabilities(
            GetPluginCapabilitiesRequest request,
            StreamObserver<GetPluginCapabilitiesResponse> observer) {
        new OneReply<>(observer)
                .of(
                        () -> {
                            var reply =
                                    GetPluginCapabilitiesResponse.newBuilder()
                                            .addCapabilities(service(Type.CONTROLLER_SERVICE))
                                            .addCapabilities(
                                                    service(Type.VOLUME_ACCESSIBILITY_CONSTRAINTS))
                                            .addCapabilities(onlineExpansion());
                            if (snapshots.getAsBoolean()) {
                                reply.addCapabilities(
                                        service(Type.SNAPSHOT_ACCESSIBILITY_CONSTRAINTS));
                            }
                            if (groups.getAsBoolean()) {
                                reply.addCapabilities(service(Type.GROUP_CONTROLLER_SERVICE));
                            }
                            if (blocks.getAsBoolean()) {
                                reply.addCapabilities(service(Type.SNAPSHOT_METADATA_SERVICE));
                            }
                            return reply.build();
                        });
    }

    @Override
    public void probe(ProbeRequest request, StreamObserver<ProbeResponse> observer) {
        new OneReply<>(observer)
                .of(
                        () ->
                                ProbeResponse.newBuilder()
                                        .setReady(BoolValue.of(ready.getAsBoolean()))
                                        .build());
    }

    private static PluginCapability service(Type type) {
        return PluginCapability.newBuilder()
                .setService(PluginCapability.Service.newBuilder().setType(type))
                .build();
    }

    private static PluginCapability onlineExpansion() {
        return PluginCapability.newBuilder()
                .setVolumeExpansion(
                        PluginCapability.VolumeExpansion.newBuilder()
                                .setType(PluginCapability.VolumeExpansion.Type.ONLINE))
                .build();
    }
}
