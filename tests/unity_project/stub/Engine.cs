using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace UnityEngine
{
    public static class Time
    {
        static readonly Stopwatch clock = Stopwatch.StartNew();

        /// <summary>Seconds at the beginning of this frame.</summary>
        public static double timeAsDouble { get; private set; }
        public static float time => (float)timeAsDouble;
        public static float deltaTime { get; private set; }
        public static float unscaledTime => time;
        public static int frameCount { get; private set; }
        public static float fixedDeltaTime { get; set; } = 0.02f;

        /// <summary>Seconds by the real clock, also within a frame.</summary>
        public static double realtimeSinceStartupAsDouble => clock.Elapsed.TotalSeconds;

        internal static void Advance(double seconds)
        {
            timeAsDouble += seconds;
            deltaTime = (float)seconds;
            frameCount++;
        }
    }

    /// <summary>A machine without a display, as a player with -nographics sees it.</summary>
    public static class SystemInfo
    {
        public static Rendering.GraphicsDeviceType graphicsDeviceType => Rendering.GraphicsDeviceType.Null;
    }

    public enum UserAuthorization { WebCam = 1, Microphone }

    public class AsyncOperation { }

    public enum LogType { Error, Assert, Warning, Log, Exception }

    public static class Debug
    {
        public static void Log(object message) => Application.Logged(LogType.Log, message, "");
        public static void Log(object message, Object context) => Log(message);
        public static void LogWarning(object message) => Application.Logged(LogType.Warning, message, "");
        public static void LogWarning(object message, Object context) => LogWarning(message);
        public static void LogError(object message) => Application.Logged(LogType.Error, message, "");
        public static void LogError(object message, Object context) => LogError(message);

        public static void LogException(Exception exception, Object context) =>
            Application.Logged(LogType.Exception, $"{exception.GetType().Name}: {exception.Message}", exception.StackTrace);
    }

    public static class Application
    {
        public delegate void LogCallback(string condition, string stackTrace, LogType type);

        public static event LogCallback logMessageReceived;

        public static bool isPlaying => true;

        /// <summary>A folder of the tests' own; a player's is its user's.</summary>
        public static string persistentDataPath =>
            System.Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") ?? System.IO.Path.GetTempPath();

        public static bool HasUserAuthorization(UserAuthorization mode) => Stub.Permissions.Granted;

        public static AsyncOperation RequestUserAuthorization(UserAuthorization mode)
        {
            Stub.Permissions.Asked++;
            return new AsyncOperation();
        }

        internal static void Logged(LogType type, object message, string stackTrace)
        {
            Console.Error.WriteLine($"[{type}] {message}");
            if (stackTrace.Length > 0)
                Console.Error.WriteLine(stackTrace);
            logMessageReceived?.Invoke(message?.ToString() ?? "Null", stackTrace, type);
        }
    }
}

namespace UnityEngine.Android
{
    public static class Permission
    {
        public const string Microphone = "android.permission.RECORD_AUDIO";

        public static bool HasUserAuthorizedPermission(string permission) => Stub.Permissions.Granted;

        public static void RequestUserPermission(string permission)
        {
            Stub.Permissions.Asked++;
        }
    }
}

namespace UnityEngine.Stub
{
    /// <summary>What the user allows.</summary>
    public static class Permissions
    {
        public static bool Granted { get; set; } = true;
        public static int Asked { get; set; }
    }
}

namespace UnityEngine.Rendering
{
    public enum GraphicsDeviceType { Null = 4, Direct3D11 = 2, Vulkan = 21 }
}
