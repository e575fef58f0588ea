package dev.stowage.testing;

import dev.stowage.linux.Linux;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/// A test that mounts or attaches loop devices: skipped, with a sentence that says so, where it may
/// not.
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresRoot.Condition.class)
public @interface RequiresRoot {
    /// Looks at the user id.
    final class Condition implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            return Linux.isRoot()
                    ? ConditionEvaluationResult.enabled("runs as root")
                    : ConditionEvaluationResult.disabled(
                            "Skipped because it needs root, to mount and to attach loop devices.");
        }
    }
}
