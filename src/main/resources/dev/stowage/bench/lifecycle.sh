# One volume's life as a person would type it, for each name that comes in on a line.
# Arguments: folder, size in bytes. Reads names, answers "done".
# "sync" is given the image and its folder, so that it does not wait for the rest of the machine.
set -eu
folder=$1
bytes=$2

life() {
    image=$folder/$1.img
    mkdir -p "$folder/staging" "$folder/target"
    fallocate -l "$bytes" "$image"
    sync "$image" "$folder"
    device=$(losetup --find --show --direct-io=on "$image")
    mkfs.ext4 -q -F -E nodiscard "$device"
    mount "$device" "$folder/staging"
    mount --bind "$folder/staging" "$folder/target"
    umount "$folder/target"
    umount "$folder/staging"
    losetup -d "$device"
    rm "$image"
}

while read -r name; do
    life "$name"
    echo done
done
