using System;
using UnityEngine;

namespace Fedxr
{
    /// <summary>A hand's 26 joints by forward kinematics, in the bridge's coordinates (right-handed,
    /// -z along the hand, +y its back): palm, wrist, then thumb to little finger from their
    /// bases to their tips, as in OpenXR. See <c>scenarios/worlds/hands.py</c>.</summary>
    public sealed class HandModel
    {
        /// <summary>Numbers of the 26 joints: seven each.</summary>
        public const int Numbers = 7 * 26;

        const int Fingers = 5, ThumbBones = 3, OtherBones = 4;

        readonly Vector3[] bases = new Vector3[Fingers];
        readonly Quaternion[] splay = new Quaternion[Fingers];
        readonly float[] bones;

        /// <param name="model">The scenario's model <c>hand</c>: lengths in metres.</param>
        public HandModel(JsonMap model)
        {
            float scale = (float)model.Number("scale"), side = model.Flag("left") ? -1 : 1;
            double[] at = model.Numbers("bases"), lengths = model.Numbers("bones"), spread = model.Numbers("spread");
            for (int f = 0; f < Fingers; f++)
            {
                bases[f] = scale * new Vector3(side * (float)at[3 * f], (float)at[3 * f + 1], (float)at[3 * f + 2]);
                splay[f] = About(1, side * spread[f]);
            }
            bones = new float[lengths.Length];
            for (int i = 0; i < bones.Length; i++)
                bones[i] = scale * (float)lengths[i];
        }

        /// <summary>Write the joints of a hand whose wrist is at <paramref name="place"/>, turned by
        /// <paramref name="turn"/> (bridge's coordinates, metres), with its fingers bent.</summary>
        /// <param name="curl">Bend of each finger, thumb first, in rad per joint.</param>
        /// <param name="place">Where the wrist is.</param>
        /// <param name="turn">How it is turned.</param>
        /// <param name="into">Takes <see cref="Numbers"/> numbers.</param>
        public void Write(double[] curl, Vector3 place, Quaternion turn, float[] into)
        {
            Put(into, 1, place, turn);
            int joint = 2, bone = 0;
            for (int f = 0; f < Fingers; f++)
            {
                Vector3 at = bases[f];
                int count = f == 0 ? ThumbBones : OtherBones;
                for (int j = 0; j <= count; j++)
                {
                    Quaternion bend = splay[f] * About(0, -curl[f] * Math.Max(j - 0.5, 0));
                    Put(into, joint++, place + turn * at, turn * bend);
                    if (j < count)
                        at = at + bend * new Vector3(0, 0, -bones[bone++]);
                }
            }
            // the palm: halfway along the middle finger's bone in the hand
            const int middle = 12;
            for (int i = 0; i < 3; i++)
                into[i] = (into[7 * middle + i] + into[7 * (middle - 1) + i]) / 2;
            Array.Copy(into, 7 + 3, into, 3, 4);
        }

        static void Put(float[] into, int joint, Vector3 at, Quaternion turn)
        {
            int i = 7 * joint;
            into[i] = at.x;
            into[i + 1] = at.y;
            into[i + 2] = at.z;
            into[i + 3] = turn.x;
            into[i + 4] = turn.y;
            into[i + 5] = turn.z;
            into[i + 6] = turn.w;
        }

        /// <summary>A turn by <paramref name="angle"/> rad about x (0), y (1) or z (2), by the
        /// right-hand rule.</summary>
        public static Quaternion About(int axis, double angle)
        {
            float s = (float)Math.Sin(angle / 2);
            return new Quaternion(axis == 0 ? s : 0, axis == 1 ? s : 0, axis == 2 ? s : 0, (float)Math.Cos(angle / 2));
        }
    }

    /// <summary>What a hand does while somebody wants something (<c>intent</c>): it pinches, strokes or
    /// rolls, again and again. See <c>scenarios/worlds/hands.py</c>.</summary>
    public sealed class Gesture
    {
        const int Pinch = 1, Stroke = 2, Roll = 3, Fingers = 5;

        readonly double[] gestures;
        readonly double tempoHz, vigour, pinchThumb, pinchFinger, strokeM, strokeCurl, roll, restCurl;
        readonly int finger;
        readonly Wander[] wander = new Wander[Fingers + 2];

        /// <param name="model">The scenario's model <c>hand</c>.</param>
        /// <param name="noise">Where the chance comes from.</param>
        public Gesture(JsonMap model, Noise noise)
        {
            gestures = model.Numbers("gestures");
            tempoHz = model.Number("tempo_hz");
            vigour = model.Number("vigour");
            pinchThumb = model.Number("pinch_thumb");
            pinchFinger = model.Number("pinch_finger");
            finger = (int)model.Number("pinching_finger");
            strokeM = model.Number("stroke_m");
            strokeCurl = model.Number("stroke_curl");
            roll = model.Number("roll");
            restCurl = model.Number("rest_curl");
            for (int i = 0; i < wander.Length; i++)
                wander[i] = new Wander(noise, i < Fingers ? 0.7 : 0.5);
        }

        /// <summary>What is wanted at <paramref name="t"/> seconds, as bends of the fingers (rad, added
        /// to <paramref name="curl"/>), and how far the hand rises (m) and rolls (rad).</summary>
        public void At(double t, int intent, double[] curl, out double rise, out double rolled)
        {
            double beat = 2 * Math.PI * tempoHz * t;
            double wave = vigour * Math.Sin(beat + 0.5 * Math.Sin(beat));
            int gesture = (int)gestures[intent];
            for (int f = 0; f < Fingers; f++)
                curl[f] += restCurl + 0.06 * wander[f].At(t);
            rise = 0.012 * wander[Fingers].At(t);
            rolled = 0.08 * wander[Fingers + 1].At(t);
            if (gesture == Pinch)
            {
                curl[0] += pinchThumb * wave;
                curl[finger] += pinchFinger * wave;
            }
            else if (gesture == Stroke)
            {
                rise += strokeM * wave;
                curl[1] += strokeCurl * wave;
            }
            else if (gesture == Roll)
            {
                rolled += roll * wave;
            }
        }
    }
}
