package dev.stowage.csi;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.ServiceDescriptorProto;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/// What a proto file says, as a set of lines in which order, comments and layout no longer count:
/// two files say the same if their sets are equal. File options (java_package, go_package) are left
/// out, for they say how code is generated and nothing about the protocol.
final class ProtoStatements {

    private final SortedSet<String> lines = new TreeSet<>();

    private ProtoStatements() {}

    static SortedSet<String> of(FileDescriptorProto file) {
        var statements = new ProtoStatements();
        statements.lines.add(
                "package %s, syntax %s".formatted(file.getPackage(), file.getSyntax()));
        for (var extension : file.getExtensionList()) {
            statements.field("extend " + extension.getExtendee(), extension, Map.of(), List.of());
        }
        var scope = "." + file.getPackage();
        file.getServiceList().forEach(service -> statements.service(scope, service));
        file.getMessageTypeList().forEach(message -> statements.message(scope, message));
        file.getEnumTypeList().forEach(type -> statements.enumeration(scope, type));
        return statements.lines;
    }

    private void service(String scope, ServiceDescriptorProto service) {
        var name = scope + "." + service.getName();
        lines.add("service " + name + options(service.getOptions()));
        for (var method : service.getMethodList()) {
            lines.add(
                    "service %s: rpc %s(%s%s) returns (%s%s)%s"
                            .formatted(
                                    name,
                                    method.getName(),
                                    method.getClientStreaming() ? "stream " : "",
                                    method.getInputType(),
                                    method.getServerStreaming() ? "stream " : "",
                                    method.getOutputType(),
                                    options(method.getOptions())));
        }
    }

    private void message(String scope, DescriptorProto message) {
        var name = scope + "." + message.getName();
        // A map is a repeated message of two fields that protoc adds under a name made from the
        // field's.
        var entries =
                message.getNestedTypeList().stream()
                        .filter(nested -> nested.getOptions().getMapEntry())
                        .collect(
                                Collectors.toMap(
                                        nested -> name + "." + nested.getName(),
                                        Function.identity()));
        lines.add("message " + name + options(message.getOptions()));
        var oneofs = message.getOneofDeclList().stream().map(oneof -> oneof.getName()).toList();
        for (var oneof : message.getOneofDeclList()) {
            lines.add(
                    "message %s: oneof %s%s"
                            .formatted(name, oneof.getName(), options(oneof.getOptions())));
        }
        message.getFieldList().forEach(field -> field("message " + name, field, entries, oneofs));
        for (var range : message.getReservedRangeList()) {
            // The end of a message's range is not part of it (descriptor.proto).
            lines.add(
                    "message %s: reserved %d to %d"
                            .formatted(name, range.getStart(), range.getEnd() - 1));
        }
        message.getReservedNameList()
                .forEach(
                        reserved -> lines.add("message %s: reserved %s".formatted(name, reserved)));
        message.getNestedTypeList().stream()
                .filter(nested -> !nested.getOptions().getMapEntry())
                .forEach(nested -> message(name, nested));
        message.getEnumTypeList().forEach(nested -> enumeration(name, nested));
    }

    private void field(
            String owner,
            FieldDescriptorProto field,
            Map<String, DescriptorProto> entries,
            List<String> oneofs) {
        var entry = entries.get(field.getTypeName());
        var type =
                entry == null
                        ? word(field.getLabel().name()) + " " + type(field)
                        : "map<%s, %s>".formatted(type(entry.getField(0)), type(entry.getField(1)));
        lines.add(
                "%s: %d = %s %s%s%s%s"
                        .formatted(
                                owner,
                                field.getNumber(),
                                type,
                                field.getName(),
                                field.getProto3Optional() ? ", explicitly optional" : "",
                                field.hasOneofIndex()
                                        ? " in oneof " + oneofs.get(field.getOneofIndex())
                                        : "",
                                options(field.getOptions())));
    }

    private static String type(FieldDescriptorProto field) {
        return field.hasTypeName() ? field.getTypeName() : word(field.getType().name());
    }

    /// `TYPE_INT64` is `int64`, `LABEL_REPEATED` is `repeated`.
    private static String word(String constant) {
        return constant.replaceFirst("^(TYPE|LABEL)_", "").toLowerCase(Locale.ROOT);
    }

    private void enumeration(String scope, EnumDescriptorProto type) {
        var name = scope + "." + type.getName();
        lines.add("enum " + name + options(type.getOptions()));
        for (var value : type.getValueList()) {
            lines.add(
                    "enum %s: %s = %d%s"
                            .formatted(
                                    name,
                                    value.getName(),
                                    value.getNumber(),
                                    options(value.getOptions())));
        }
        for (var range : type.getReservedRangeList()) {
            // An enum's range ends with its last number, unlike a message's.
            lines.add(
                    "enum %s: reserved %d to %d".formatted(name, range.getStart(), range.getEnd()));
        }
        type.getReservedNameList()
                .forEach(reserved -> lines.add("enum %s: reserved %s".formatted(name, reserved)));
    }

    /// Options by number, because the names of an option are the business of the file that declares
    /// it: read without a registry every extension is an unknown field, whoever parsed it first.
    private static String options(Message options) {
        try {
            var plain = options.getParserForType().parseFrom(options.toByteArray());
            var text = TextFormat.printer().emittingSingleLine(true).printToString(plain);
            return text.isEmpty() ? "" : " [" + text + "]";
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("options that were just written cannot be read", e);
        }
    }
}
