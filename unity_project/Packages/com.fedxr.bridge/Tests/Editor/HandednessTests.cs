using NUnit.Framework;
using UnityEngine;

namespace Fedxr.Tests
{
    /// <summary>Poses that are known without the formula.</summary>
    public class HandednessTests
    {
        static readonly Vector3[] Turns =
        {
            new Vector3(0, 0, 0), new Vector3(30, 0, 0), new Vector3(0, 90, 0), new Vector3(0, 0, 45),
            new Vector3(-20, 130, 70), new Vector3(85, -170, 10),
        };

        static readonly Vector3[] Places =
        {
            new Vector3(1, 0, 0), new Vector3(0, 1, 0), new Vector3(0, 0, 1), new Vector3(-0.3f, 1.7f, -2),
        };

        static void AreEqual(Vector3 due, Vector3 found)
        {
            Assert.AreEqual(due.x, found.x, 1e-4);
            Assert.AreEqual(due.y, found.y, 1e-4);
            Assert.AreEqual(due.z, found.z, 1e-4);
        }

        [Test]
        public void AheadIsMinusZ()
        {
            AreEqual(new Vector3(0, 0, -1), Handedness.Convert(Vector3.forward));
            AreEqual(Vector3.up, Handedness.Convert(Vector3.up));
            AreEqual(Vector3.right, Handedness.Convert(Vector3.right));
        }

        [Test]
        public void ATurnToTheRightIsNegativeAboutY()
        {
            // by the right-hand rule a turn about y (up) goes to the left
            Quaternion right = Handedness.Convert(Quaternion.Euler(0, 90, 0));
            float s = Mathf.Sqrt(0.5f);
            Assert.AreEqual(0, right.x, 1e-5);
            Assert.AreEqual(-s, right.y, 1e-5);
            Assert.AreEqual(0, right.z, 1e-5);
            Assert.AreEqual(s, right.w, 1e-5);
        }

        [Test]
        public void LookingUpIsPositiveAboutX()
        {
            // in Unity a positive turn about x looks down
            Quaternion up = Handedness.Convert(Quaternion.Euler(-30, 0, 0));
            Assert.AreEqual(Mathf.Sin(15 * Mathf.Deg2Rad), up.x, 1e-5);
        }

        [Test]
        public void ATurnedDirectionIsTheSameBeforeAndAfter()
        {
            foreach (Vector3 turn in Turns)
                foreach (Vector3 v in Places)
                {
                    Quaternion q = Quaternion.Euler(turn.x, turn.y, turn.z);
                    AreEqual(Handedness.Convert(q * v), Handedness.Convert(q) * Handedness.Convert(v));
                }
        }

        [Test]
        public void ItGoesThroughProducts()
        {
            foreach (Vector3 one in Turns)
                foreach (Vector3 other in Turns)
                {
                    Quaternion a = Quaternion.Euler(one.x, one.y, one.z);
                    Quaternion b = Quaternion.Euler(other.x, other.y, other.z);
                    Quaternion due = Handedness.Convert(a * b);
                    Quaternion found = Handedness.Convert(a) * Handedness.Convert(b);
                    Assert.AreEqual(1, Mathf.Abs(Quaternion.Dot(due, found)), 1e-4);
                }
        }

        [Test]
        public void ItIsItsOwnInverse()
        {
            foreach (Vector3 v in Places)
                AreEqual(v, Handedness.Convert(Handedness.Convert(v)));
            Quaternion q = Quaternion.Euler(10, 20, 30);
            Assert.AreEqual(1, Quaternion.Dot(q, Handedness.Convert(Handedness.Convert(q))), 1e-5);
        }

        [Test]
        public void APoseIsWrittenAsItIsConverted()
        {
            var numbers = new float[9];
            var place = new Vector3(1, 2, 3);
            Quaternion turn = Quaternion.Euler(10, 20, 30), converted = Handedness.Convert(turn);
            Handedness.Write(place, turn, numbers, 1);
            float[] due = { 0, 1, 2, -3, converted.x, converted.y, converted.z, converted.w, 0 };
            Assert.AreEqual(due, numbers);
        }
    }
}
