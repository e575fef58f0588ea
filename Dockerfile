# The driver's image: docker build -t REGISTRY/stowage:0.1.0 .     (or: buildah bud -t ...; with --platform for others)
# It holds Debian's mkfs and fsck, a Java of the modules that are used, and the program. Nothing is written into it
# when it runs: /tmp must be a volume if the root is read-only.

# The program is the same for every processor, so it is built on the builder's own.
FROM --platform=$BUILDPLATFORM maven:3.9-eclipse-temurin-25 AS program
WORKDIR /source
COPY pom.xml ./
COPY proto proto
COPY src/main src/main
RUN mvn -q -B -ntp -Dmaven.test.skip=true -Dspotless.check.skip=true package
# Libraries carry native code for every processor and system. Ours is Linux, and the driver's socket has no TLS.
RUN set -eu; \
    unpack() { rm -rf /tmp/jar; mkdir /tmp/jar; cd /tmp/jar; jar --extract --file "$1"; }; \
    pack() { jar --create --file "$1" --manifest META-INF/MANIFEST.MF .; }; \
    netty=$(ls /source/target/lib/grpc-netty-shaded-*.jar); unpack "$netty"; rm META-INF/native/*tcnative*; pack "$netty"; \
    jffi=$(ls /source/target/lib/jffi-*-native.jar); unpack "$jffi"; \
    find jni -type f -not -path 'jni/x86_64-Linux/*' -not -path 'jni/aarch64-Linux/*' -delete; pack "$jffi"

# Java and the tools, of the processor that the image is for.
FROM maven:3.9-eclipse-temurin-25 AS java
# What the program and its libraries touch (jdeps), less what they can do without: desktop, sql, jfr, management.
RUN jlink --output /opt/stowage/java --strip-java-debug-attributes --no-header-files --no-man-pages --compress zip-9 \
        --add-modules java.base,java.logging,java.naming,java.xml,jdk.httpserver,jdk.unsupported

FROM debian:bookworm-slim AS root
# xfsprogs wants ICU and Python for xfs_scrub alone, 70 MB of them; so packages are unpacked without what they depend on,
# and the libraries of the programs that are used are named here. dpkg's list stays, for whoever scans the image.
RUN set -eu; \
    printf 'path-exclude=/usr/share/%s/*\n' doc info locale man >/etc/dpkg/dpkg.cfg.d/slim; \
    apt-get update -qq; cd /var/cache/apt/archives; \
    apt-get download -qq e2fsprogs libext2fs2 libss2 libcom-err2 logsave \
        xfsprogs libinih1 liburcu8 \
        btrfs-progs liblzo2-2 libudev1 libblkid1 libuuid1 zlib1g libzstd1 libgcrypt20 libgpg-error0; \
    dpkg --force-depends --install ./*.deb 2>/dev/null >&2; \
    rm -f /usr/sbin/xfs_scrub*; \
    for program in mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs fsck.ext3 fsck.ext4 resize2fs xfs_growfs btrfs; do \
        if ldd "$(command -v $program)" | grep 'not found'; then exit 1; fi; \
    done; \
    # Nothing is installed here any more: away with apt and with what it alone needs.
    dpkg --purge --force-all apt libapt-pkg6.0 gpgv debian-archive-keyring perl-base adduser libseccomp2 libxxhash0 libstdc++6 \
        libgnutls30 libp11-kit0 libtasn1-6 libhogweed6 libnettle8 libidn2-0 libunistring2 libgmp10 libffi8 2>/dev/null >&2; \
    rm -rf /var/lib/apt /var/cache/* /var/log/* /usr/share/doc /usr/share/locale /usr/share/man /usr/lib/*/gconv
COPY --from=java /opt/stowage/java /opt/stowage/java
COPY --from=program /source/target/stowage.jar /opt/stowage/
COPY --from=program /source/target/lib /opt/stowage/lib
COPY stowage /opt/stowage/
# A driver that starts, is asked how it is, and ends: what it needed is kept ready, which halves the time and the work of
# a start. It counts only for these very files and the launcher's flags.
RUN --mount=type=bind,source=deploy/make-aot-cache,target=/make-aot-cache bash /make-aot-cache /opt/stowage

# One layer, so that what was taken away is gone.
FROM scratch
COPY --from=root / /
ENV PATH=/opt/stowage:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
ENTRYPOINT ["/opt/stowage/stowage"]
LABEL org.opencontainers.image.title=Stowage \
      org.opencontainers.image.description="A CSI driver for the disks and servers that people own"
