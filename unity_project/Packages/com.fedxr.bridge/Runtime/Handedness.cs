using UnityEngine;

namespace Fedxr
{
    /// <summary>Unity's coordinates (left-handed: x right, y up, z forward) to those of the bridge
    /// (right-handed, y up, -z forward, as in OpenXR, WebXR and glTF): z is mirrored.</summary>
    /// <remarks>Mirroring turns every rotation about x and y the other way round and leaves those
    /// about z. The conversion is its own inverse, and that of a product is the product of the
    /// conversions, so poses may be converted before or after they are put together.</remarks>
    public static class Handedness
    {
        /// <summary>A place or a direction.</summary>
        public static Vector3 Convert(Vector3 v) => new Vector3(v.x, v.y, -v.z);

        /// <summary>A rotation.</summary>
        public static Quaternion Convert(Quaternion q) => new Quaternion(-q.x, -q.y, q.z, q.w);

        /// <summary>Writes the seven numbers of a converted pose into <paramref name="into"/> from
        /// index <paramref name="at"/> on: x, y, z (m), then the orientation x, y, z, w.</summary>
        public static void Write(Vector3 position, Quaternion rotation, float[] into, int at)
        {
            into[at] = position.x;
            into[at + 1] = position.y;
            into[at + 2] = -position.z;
            into[at + 3] = -rotation.x;
            into[at + 4] = -rotation.y;
            into[at + 5] = rotation.z;
            into[at + 6] = rotation.w;
        }
    }
}
