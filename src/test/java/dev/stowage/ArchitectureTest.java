package dev.stowage;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Holds the compiled classes to the table of imports in docs/design.md. A room is a package below
/// dev.stowage that has a row there, with all that lies in it and has none; or dev.stowage itself,
/// which the table calls `root`.
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // the classes are read once
class ArchitectureTest {

    private static final String OURS = "dev.stowage";

    /// The packages behind the names of libraries that the table uses.
    private static final Map<String, List<String>> PACKAGES_OF_LIBRARIES =
            Map.of(
                    "jnr", List.of("jnr", "com.kenai.jffi"),
                    "grpc", List.of("io.grpc"),
                    "protobuf", List.of("com.google.protobuf", "csi.v1", "pluginregistration.v1"));

    /// Records and events have a time in them.
    private static final Set<String> MAY_READ_THE_WALL_CLOCK = Set.of("backend.file", "kubernetes");

    private final ImportTable table;
    private final JavaClasses classes;

    ArchitectureTest() throws IOException {
        table = ImportTable.read(Path.of("docs", "design.md"));
        classes =
                new ClassFileImporter()
                        .withImportOption(new ImportOption.DoNotIncludeTests())
                        .importPackages(OURS);
    }

    @Test
    void everyRowOfTheTableHasClasses() {
        var inhabited =
                classes.stream()
                        .filter(type -> !type.getSimpleName().equals("package-info"))
                        .map(this::room)
                        .collect(Collectors.toSet());

        assertThat(inhabited).containsAll(table.rooms().keySet());
    }

    @Test
    void everyPackageHasARowInTheTable() {
        var packages =
                classes.stream()
                        .filter(type -> !type.getSimpleName().equals("package-info"))
                        .filter(type -> !table.rooms().containsKey(room(type)))
                        .map(JavaClass::getPackageName)
                        .collect(Collectors.toCollection(TreeSet::new));

        assertThat(packages).isEmpty();
    }

    @Test
    void noRoomImportsAnotherThatItsRowDoesNotName() {
        var offences =
                dependencies(
                        target -> isIn(OURS, target),
                        dependency -> {
                            var from = room(dependency.getOriginClass());
                            var to = room(target(dependency));
                            return from.equals(to)
                                    || table.rooms().getOrDefault(from, Set.of()).contains(to);
                        });

        assertThat(offences).isEmpty();
    }

    @Test
    void librariesStayInTheRoomsThatTheTableGivesThem() {
        var offences = new TreeMap<String, List<String>>();
        table.libraries()
                .forEach((library, rooms) -> offences.put(library, usesOutside(library, rooms)));

        assertThat(offences.keySet()).isEqualTo(PACKAGES_OF_LIBRARIES.keySet());
        assertThat(offences).allSatisfy((library, uses) -> assertThat(uses).isEmpty());
    }

    /// Without this, a library whose packages are misspelt above would be one that nobody may be
    /// caught using.
    @Test
    void everyLibraryOfTheTableIsUsed() {
        for (var library : table.libraries().keySet()) {
            assertThat(usesOutside(library, Set.of())).as("uses of %s", library).isNotEmpty();
        }
    }

    @Test
    void packagesFormNoCycles() {
        SlicesRuleDefinition.slices()
                .assignedFrom(new OnePackageEach())
                .should()
                .beFreeOfCycles()
                .check(classes);
    }

    @Test
    void everyPackageIsNullMarked() {
        var unmarked =
                classes.stream()
                        .map(JavaClass::getPackage)
                        .distinct()
                        .filter(room -> !room.isAnnotatedWith(NullMarked.class))
                        .map(JavaPackage::getName)
                        .toList();

        assertThat(classes).isNotEmpty();
        assertThat(unmarked).isEmpty();
    }

    /// Failure case 55: the clock of the wall tells when something was made and whose turn it is to
    /// speak, and nothing else; how long something takes is System.nanoTime's to say.
    @Test
    void theWallClockMeasuresNoDuration() {
        var offences =
                classes.stream()
                        .flatMap(type -> type.getMethodCallsFromSelf().stream())
                        .filter(call -> readsTheWallClock(call.getTarget()))
                        .filter(
                                call ->
                                        !MAY_READ_THE_WALL_CLOCK.contains(
                                                room(call.getOriginOwner())))
                        .map(JavaMethodCall::getDescription)
                        .toList();

        assertThat(offences).isEmpty();
    }

    private static boolean readsTheWallClock(AccessTarget target) {
        var owner = target.getOwner().getName();
        return (owner.startsWith("java.time.") && target.getName().equals("now"))
                || (owner.equals("java.lang.System")
                        && target.getName().equals("currentTimeMillis"))
                || owner.equals("java.time.Clock");
    }

    private List<String> usesOutside(String library, Set<String> rooms) {
        var packages = PACKAGES_OF_LIBRARIES.getOrDefault(library, List.of());
        return dependencies(
                target -> packages.stream().anyMatch(name -> isIn(name, target)),
                dependency -> rooms.contains(room(dependency.getOriginClass())));
    }

    /// What our classes need of the `targets`, without what is `allowed`, as sentences with file
    /// and line.
    private List<String> dependencies(Predicate<JavaClass> targets, Predicate<Dependency> allowed) {
        return classes.stream()
                .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
                .filter(dependency -> targets.test(target(dependency)))
                .filter(dependency -> !allowed.test(dependency))
                .map(Dependency::getDescription)
                .distinct()
                .sorted()
                .toList();
    }

    private static JavaClass target(Dependency dependency) {
        return dependency.getTargetClass().getBaseComponentType();
    }

    private static boolean isIn(String name, JavaClass type) {
        return type.getPackageName().equals(name) || type.getPackageName().startsWith(name + ".");
    }

    private String room(JavaClass type) {
        var below = type.getPackageName().substring(OURS.length());
        return table.roomOf(below.isEmpty() ? below : below.substring(1));
    }

    /// Packages are compared one by one: two of one room must not form a cycle either.
    private static final class OnePackageEach implements SliceAssignment {

        @Override
        public SliceIdentifier getIdentifierOf(JavaClass type) {
            return SliceIdentifier.of(type.getPackageName());
        }

        @Override
        public String getDescription() {
            return "each package by itself";
        }
    }
}
