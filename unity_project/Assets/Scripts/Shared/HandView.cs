using UnityEngine;

namespace Fedxr
{
    /// <summary>Draws a tracked hand: a ball at each joint, and a pointer along the index finger.</summary>
    [DefaultExecutionOrder(1100)] // after the sensor has read the joints
    public sealed class HandView : MonoBehaviour
    {
        const int Knuckle = 7, Tip = 10; // of the index finger, counted as in HandSensor.Joint

        [SerializeField] HandSensor hand;

        [Tooltip("26 balls: palm, wrist, then from the thumb's base to the little finger's tip.")]
        [SerializeField] Transform[] balls;

        [Tooltip("What points along the index finger, for panels.")]
        [SerializeField] Transform pointer;

        [Tooltip("What is shown while no hand is tracked.")]
        [SerializeField] GameObject otherwise;

        void LateUpdate()
        {
            for (int i = 0; i < balls.Length; i++)
            {
                balls[i].gameObject.SetActive(hand.IsTracked);
                if (hand.IsTracked)
                    balls[i].position = hand.Joint(i);
            }
            pointer.gameObject.SetActive(hand.IsTracked);
            otherwise.SetActive(!hand.IsTracked);
            if (!hand.IsTracked)
                return;
            pointer.position = hand.Joint(Tip);
            pointer.rotation = Quaternion.LookRotation(hand.Joint(Tip) - hand.Joint(Knuckle), Vector3.up);
        }
    }
}
