// Of Unity's own XR module what XrInput.cs needs.
namespace UnityEngine.XR
{
    public enum TrackingOriginModeFlags { Unknown = 0, Device = 1, Floor = 2 }

    /// <summary>Says what poses are counted from.</summary>
    public sealed class XRInputSubsystem
    {
        public static readonly XRInputSubsystem Only = new XRInputSubsystem();

        TrackingOriginModeFlags origin = TrackingOriginModeFlags.Device;

        public bool TrySetTrackingOriginMode(TrackingOriginModeFlags origin)
        {
            this.origin = origin;
            return true;
        }

        public TrackingOriginModeFlags GetTrackingOriginMode() => origin;
    }
}
