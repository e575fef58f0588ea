package dev.stowage.config;

/// The configuration can't be used; the message names the place and the remedy.
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public ConfigException(String message) {
        super(message);
    }
}
